"""The points of each track and its notes: 7 to 13.

An opened file goes in; what each point is against comes out. `points` has their names and reasons.
"""

from collections.abc import Iterator

from musegen.music.instruments import says_drums
from musegen.music.lint.events import (
    BEND,
    CONTROL,
    NAME,
    PROGRAM,
    SYSEX,
    SYSEX_MORE,
    Event,
)
from musegen.music.lint.opened import Finding, Opened, shown

DRUM_CHANNEL = 9
BANK_HIGH, BANK_LOW, PEDAL = 0, 32, 64
DRUM_BANKS = (120, 127)
"""What General MIDI 2 and XG say in place of "drums"."""

PEDALS = {64: "sustain pedal", 66: "sostenuto pedal", 67: "soft pedal"}
FIRST_DOWN = 64
CENTRE = (0, 64)
SHORTEST = 48


def names(opened: Opened) -> Iterator[Finding]:
    """Each track one name at tick 0, in UTF-8, with nothing in it that is not printed, unique."""
    seen: dict[str, int] = {}
    for number in dict.fromkeys((0, *opened.note_tracks)):
        events = opened.metas(NAME, number)
        if not events or events[0].tick > 0:
            yield opened.finding("has no name at its beginning", number)
            continue
        if len(events) > 1:
            yield opened.finding(f"has {len(events)} names", number)
        try:
            name = events[0].content.decode("utf-8")
        except UnicodeDecodeError:
            yield opened.finding("its name is not UTF-8: its letters will be garbled", number)
            continue
        if not name.strip() or name != name.strip() or not name.isprintable():
            yield opened.finding("its name is blank, or has spaces or signs around it", number)
        elif name in seen:
            words = f"its name is also that of track {seen[name]}"
            yield opened.finding(words, number)
        seen.setdefault(name, number)


def channels(opened: Opened) -> Iterator[Finding]:
    """Each track is on one channel, and each channel is one track's."""
    owners: dict[int, int] = {}
    for number, track in enumerate(opened.file.tracks):
        found = sorted({event.channel for event in track if event.status < SYSEX})
        if len(found) > 1:
            said = ", ".join(str(channel + 1) for channel in found)
            yield opened.finding(f"is on the channels {said}; one is meant", number)
        for channel in found:
            if channel in owners:
                words = f"is on channel {channel + 1}, as track {owners[channel]} is"
                yield opened.finding(words, number)
            owners.setdefault(channel, number)


def drums(opened: Opened) -> Iterator[Finding]:
    """What is called drums, or asks for a bank of drums, is on channel 10; nothing else is.

    A file does not say what is a drum: names and banks do.
    """
    for number in opened.note_tracks:
        name = shown(opened.names[number])
        on_drums = DRUM_CHANNEL in opened.channels[number]
        if on_drums and len(opened.channels[number]) > 1:
            yield opened.finding("has drums and other notes in one track", number)
        if says_drums(name) and not on_drums:
            channel = opened.channels[number][0] + 1
            yield opened.finding(f"is called drums, and plays a pitch on channel {channel}", number)
        for event in opened.file.tracks[number]:
            bank = event.command == CONTROL and event.content[0] == BANK_HIGH
            if bank and event.content[1] in DRUM_BANKS and event.channel != DRUM_CHANNEL:
                words = f"asks for a bank of drums on channel {event.channel + 1}"
                yield opened.finding(words, number, event.tick)
    drummers = [n for n in opened.note_tracks if DRUM_CHANNEL in opened.channels[n]]
    for number in drummers[1:]:
        yield opened.finding(f"is a second track of drums, after track {drummers[0]}", number)


def programs(opened: Opened) -> Iterator[Finding]:
    """One program change at tick 0 before the first note, and bank select before it."""
    for number in opened.note_tracks:
        track = opened.file.tracks[number]
        places = [place for place, event in enumerate(track) if event.command == PROGRAM]
        first = next(place for place, event in enumerate(track) if event.strikes)
        if not places:
            yield opened.finding("has no program change: every DAW chooses its own sound", number)
            continue
        if track[places[0]].tick > 0 or places[0] > first:
            words = "its program change does not stand at the beginning, before the notes"
            yield opened.finding(words, number, track[places[0]].tick)
        for place in places[1:]:
            words = "a second program change: a DAW's track has one instrument"
            yield opened.finding(words, number, track[place].tick)
        banks = [
            place
            for place, event in enumerate(track)
            if event.command == CONTROL and event.content[0] in (BANK_HIGH, BANK_LOW)
        ]
        if banks and banks[-1] > places[0]:
            yield opened.finding(
                "selects a bank after the program change, which then means another sound",
                number,
                track[banks[-1]].tick,
            )


def releases(opened: Opened) -> Iterator[Finding]:
    """Every note ends, and before its pitch is struck again."""
    for number in opened.note_tracks:
        sounding: dict[tuple[int, int], int] = {}
        for event in opened.file.tracks[number]:
            if not (event.strikes or event.releases):
                continue
            place = event.channel, event.content[0]
            count = sounding.get(place, 0)
            if event.strikes and count:
                words = f"pitch {place[1]} is struck again while it sounds"
                yield opened.finding(words, number, event.tick)
            if event.releases and not count:
                words = f"pitch {place[1]} is released and does not sound"
                yield opened.finding(words, number, event.tick)
            sounding[place] = max(0, count + (1 if event.strikes else -1))
        for note in opened.notes[number]:
            if note.release is None:
                yield opened.finding(f"pitch {note.pitch} is never released", number, note.onset)


def lengths(opened: Opened) -> Iterator[Finding]:
    """No note is shorter than a 48th of a quarter."""
    shortest = opened.ticks_per_quarter / SHORTEST
    for number in opened.note_tracks:
        for note in opened.notes[number]:
            if note.release is not None and note.release - note.onset < int(shortest):
                words = f"pitch {note.pitch} lasts {note.release - note.onset} ticks"
                yield opened.finding(words, number, note.onset)


def controllers(opened: Opened) -> Iterator[Finding]:
    """Pedals up and the bend centred at the end, no controller twice at a tick, no sysex."""
    for number, track in enumerate(opened.file.tracks):
        last: dict[tuple[int, int], Event] = {}
        for event in track:
            if event.status in (SYSEX, SYSEX_MORE):
                words = "a sysex message, meant for one make of synthesizer"
                yield opened.finding(words, number, event.tick)
            if event.command not in (CONTROL, BEND):
                continue
            what = event.status, event.content[0] if event.command == CONTROL else -1
            if what in last and last[what].tick == event.tick:
                yield opened.finding(f"{_control(event)} is set twice at once", number, event.tick)
            last[what] = event
        for event in last.values():
            value = event.content[1]
            if event.command == BEND and tuple(event.content) != CENTRE:
                yield opened.finding("the pitch bend is not centred at the end", number, event.tick)
            elif event.command == CONTROL and event.content[0] in PEDALS and value >= FIRST_DOWN:
                words = f"the {PEDALS[event.content[0]]} is down at the end"
                yield opened.finding(words, number, event.tick)


def _control(event: Event) -> str:
    if event.command == BEND:
        return "the pitch bend"
    return PEDALS.get(event.content[0], f"controller {event.content[0]}")
