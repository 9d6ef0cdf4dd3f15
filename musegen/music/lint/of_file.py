"""The points of the file as a whole and of its conductor track: 1 to 6, 14 and 15.

An opened file goes in; what each point is against comes out. `points` has their names and reasons.
"""

from collections.abc import Iterator

from musegen.music.exported import rounded_tempo
from musegen.music.lint.events import KEY, MARKER, META, METER, NAME, TEMPO, Event
from musegen.music.lint.opened import CHANGES, Finding, Opened, shown
from musegen.music.score import MICROSECONDS_PER_MINUTE

PPQ = range(96, 961, 24)
MAX_NOTE_TRACKS = 16
FIRST_BARS = 2
SHARPS = range(-7, 8)


def header(opened: Opened) -> Iterator[Finding]:
    """Format 1, as many tracks as the header says, nothing cut off."""
    file = opened.file
    if file.format != 1:
        yield opened.finding(f"is of format {file.format}; 1 has a track for each instrument")
    if file.declared_tracks != len(file.tracks):
        yield opened.finding(
            f"the header says {file.declared_tracks} tracks; there are {len(file.tracks)}"
        )
    for flaw in file.flaws:
        yield opened.finding(flaw)


def resolution(opened: Opened) -> Iterator[Finding]:
    """Ticks of a quarter that triplets and 32nds fall on, as many as every DAW takes."""
    division = opened.file.division
    if division >= 2**15:
        yield opened.finding("counts frames of film instead of quarter notes; 480 ticks are meant")
    elif division not in PPQ:
        yield opened.finding(
            f"a quarter note has {division} ticks; 480 are best, multiples of 24 from 96 to 960 do"
        )


def conductor(opened: Opened) -> Iterator[Finding]:
    """The first track has a name and no notes, and tempo, meter and markers stand nowhere else."""
    first = opened.file.tracks[0]
    if any(event.status < 0xF0 for event in first):
        yield opened.finding("the first track plays; it is for tempo, meter and markers alone", 0)
    if not any((e.status, e.kind, e.tick) == (META, NAME, 0) for e in first):
        yield opened.finding("the first track has no name", 0)
    for number, track in enumerate(opened.file.tracks[1:], 1):
        for event in track:
            if event.status == META and event.kind in (TEMPO, METER, MARKER):
                words = f"a {CHANGES[event.kind]} stands outside the first track"
                yield opened.finding(words, number, event.tick)


def tempo_and_meter(opened: Opened) -> Iterator[Finding]:
    """Both at tick 0, one at a tick, none that repeats what holds, tempi rounded, not cut off."""
    for kind, size, said in ((TEMPO, 3, 3), (METER, 4, 2)):
        events = sorted(opened.metas(kind), key=lambda event: event.tick)
        name = CHANGES[kind]
        if not events or events[0].tick > 0:
            yield opened.finding(f"no {name} at the beginning", None, 0)
        before: Event | None = None
        for event in events:
            if len(event.content) != size:
                yield opened.finding(f"a {name} of {len(event.content)} bytes", None, event.tick)
                continue
            if before is not None and before.tick == event.tick:
                yield opened.finding(f"a second {name} at one tick", None, event.tick)
            elif before is not None and before.content[:said] == event.content[:said]:
                yield opened.finding(f"a {name} that holds already", None, event.tick)
            before = event
            yield from _tempo(opened, event) if kind == TEMPO else _meter(opened, event)


def _tempo(opened: Opened, event: Event) -> Iterator[Finding]:
    microseconds = int.from_bytes(event.content)
    if not microseconds:
        yield opened.finding("a tempo of no length", None, event.tick)
    elif (exact := rounded_tempo(microseconds)) != microseconds:
        yield opened.finding(
            f"a tempo of {microseconds:,} microseconds: {MICROSECONDS_PER_MINUTE / exact:.0f} a "
            f"minute are {exact:,}",
            None,
            event.tick,
        )


def _meter(opened: Opened, event: Event) -> Iterator[Finding]:
    if not event.content[0] or event.content[1] > 7:
        words = f"a meter of {event.content[0]} over 2 to the power of {event.content[1]}"
        yield opened.finding(words, None, event.tick)


def key(opened: Opened) -> Iterator[Finding]:
    """A key at tick 0 in the conductor and in each track with notes; one at a tick."""
    for number in dict.fromkeys((0, *opened.note_tracks)):
        events = opened.metas(KEY, number)
        if not events or events[0].tick > 0:
            yield opened.finding("has no key at its beginning", number)
        if len({event.tick for event in events}) < len(events):
            yield opened.finding("has two keys at one tick", number)
        for event in events:
            if not is_key(event.content):
                yield opened.finding("a key that there is not", number, event.tick)


def is_key(content: bytes) -> bool:
    """Two bytes: -7 to 7 sharps (flats below 0), then 0 for major or 1 for minor."""
    if len(content) != 2:
        return False
    return int.from_bytes(content[:1], signed=True) in SHARPS and content[1] in (0, 1)


def markers(opened: Opened) -> Iterator[Finding]:
    """Markers on bar lines, the first at tick 0."""
    events = opened.metas(MARKER)
    if not events:
        yield opened.finding("no section markers; at least one, at the beginning, is good")
    elif min(event.tick for event in events) > 0:
        yield opened.finding("no marker at the beginning", None, 0)
    lines = set(opened.lines.tolist())
    for event in events:
        if event.tick not in lines:
            words = f"the marker {shown(event.content)!r} is on no bar line"
            yield opened.finding(words, None, event.tick)


def end(opened: Opened) -> Iterator[Finding]:
    """All tracks end at one tick, which is a bar line."""
    last = opened.end
    for number, track in enumerate(opened.file.tracks):
        tick = track[-1].tick if track else 0
        if tick != last:
            yield opened.finding(f"ends at tick {tick}, others at {last}", number)
    if last not in opened.lines or not last:
        yield opened.finding("the end is on no bar line", None, last)


def tracks(opened: Opened) -> Iterator[Finding]:
    """No empty tracks, at most 16 with notes, the first note in the first two bars."""
    file = opened.file
    for number in range(len(file.tracks)):
        plays = number in opened.note_tracks
        conducts = number == 0 and any(opened.metas(kind, 0) for kind in (TEMPO, METER, MARKER))
        if not plays and not conducts:
            yield opened.finding("is empty: it holds no notes", number)
    if len(opened.note_tracks) > MAX_NOTE_TRACKS:
        count = len(opened.note_tracks)
        yield opened.finding(f"{count} tracks with notes; MIDI has {MAX_NOTE_TRACKS} channels")
    onsets = [note.onset for notes in opened.notes for note in notes]
    if not onsets:
        yield opened.finding("there are no notes")
    elif not opened.is_stem:
        first, bars = min(onsets), min(FIRST_BARS, len(opened.lines) - 1)
        if first >= opened.lines[bars]:
            silent = opened.finding("", None, first).bar or 1
            yield opened.finding(f"{silent} bars of silence come before it", None, first)
