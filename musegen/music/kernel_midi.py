"""A plain MIDI file's bytes become arrays in one pass, as a loop that numba makes machine code of.

In: the bytes of a file. Out: sorted notes track by track, changes and pedals, or the word that the
file is not plain. Plain is what no two readers could take differently: whole chunks, whole events,
every note released. All else is left to symusic and `repair`, which give the same for a plain file.
Import it through `compiled` only, which says where the machine code is kept.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# mypy: disable-error-code="assignment, arg-type"

import numpy as np
from numba import njit

from musegen.compiled import EXACT, PLACE
from musegen.music.kernel_order import put_in_order
from musegen.music.kernel_pedals import presses_of

MTHD, MTRK = 0x4D546864, 0x4D54726B
CHANNELS, KEYS = 16, 128
DRUM_CHANNEL, SUSTAIN, LONGEST_TEXT = 9, 64, 127
NAME, MARKER, END, TEMPO, METER, KEY = 3, 6, 0x2F, 0x51, 0x58, 0x59
SOUND, FIRST, COUNT, STOP, NAME_AT, NAME_SIZE, TRACK = range(7)
"""Columns of `parts`: channel << 7 | program, first note, notes, end, place and size of the name,
number of the track in the file."""

MOST_TICKS = 2**24
LENGTH, PITCH, ONSET = 7, 31, 38
"""Where they begin in the one number that a note is: 24 bits onset, 7 pitch, 24 length, 7 velocity,
so that it is sorted as notes are."""

MOST_CONDUCTOR_EVENTS = 20_000
MAX_SILENCE_QUARTERS = 256
"""As in `parsed`: a file's own end counts where it follows the last note this soon."""

MOST_POWER = 31
"""Of two, in a meter's lower number: what readers make of a higher one depends on the processor."""


@njit(**EXACT)
def number_at(content, at, size):
    """The big-endian number of `size` bytes at `at`."""
    value = 0
    for place in range(at, at + size):
        value = value << 8 | content[place]
    return value


@njit(**EXACT)
def varying(content, at, end):
    """MIDI's number of variable length, and the place after it; -1 where it is none."""
    value = 0
    for place in range(at, min(at + 4, end)):
        byte = content[PLACE(place)]
        value = value << 7 | (byte & 127)
        if byte < 128:
            return value, place + 1
    return value, -1


@njit(**EXACT)
def shared_out(
    notes, total, parts, first, last, part_of, name_at, name_size, keys, struck, owner
):  # fmt: skip
    """The notes of a track stand in its parts, and the parts by channel, then program.

    Parts without notes are none any more. Returns how many notes and parts there are.
    """
    before = parts[first:last].copy()
    rank = np.empty(last - first, dtype=np.int64)
    by_sound = np.empty(last - first, dtype=np.int64)
    for part in range(last - first):
        sound = np.int64(before[part, SOUND])
        part_of[sound] = -1
        by_sound[part] = sound << 32 | part
    kept, room = first, total
    for key in put_in_order(by_sound, last - first):
        part = key & 2**32 - 1
        if before[part, COUNT] == 0:
            continue
        rank[part] = kept - first
        parts[kept] = before[part]
        parts[kept, FIRST] = room
        parts[kept, NAME_AT] = name_at
        parts[kept, NAME_SIZE] = name_size
        room += before[part, COUNT]
        kept += 1
    apart = keys[:struck]
    if kept > first + 1:
        apart = np.empty(struck, dtype=np.int64)
        free = parts[first:kept, FIRST] - total
        for note in range(struck):
            place = rank[owner[note] - first]
            apart[free[place]] = keys[note]
            free[place] += 1
    for part in range(first, kept):
        count = parts[part, COUNT]
        begin = parts[part, FIRST] - total
        ordered = put_in_order(apart[begin : begin + count], count)
        stop = np.int64(0)
        for place in range(count):
            key, at = ordered[place], total + begin + place
            onset, length = key >> ONSET, key >> LENGTH & MOST_TICKS - 1
            notes[at, 0] = onset
            notes[at, 1] = length
            notes[at, 2] = key >> PITCH & 127
            notes[at, 3] = key & 127
            stop = max(stop, onset + length)
        parts[part, STOP] = stop
    return room, kept


@njit(cache=True, **EXACT)
def parse(content):
    """What a plain file holds; content: (bytes,) uint8.

    Returns four numbers: tracks (0 for a file that is not plain), ticks a quarter, the tick where
    the piece ends, messages of system exclusive; then notes (N, 4) int32 as Tracks have them, part
    after part, and how many each part has (P,); parts (P, 7), see SOUND to TRACK; changes (C, 4):
    meta type, tick, two values; presses (M, 2) and how many each part has (P,), as `Parts` has
    them.
    """
    size = len(content)
    room = size // 3 + 1
    notes = np.empty((room, 4), dtype=np.int32)
    parts = np.empty((room, 7), dtype=np.int32)
    changes = np.empty((size // 4 + 1, 4), dtype=np.int32)
    pedals = np.empty((room, 5), dtype=np.int32)
    nobody, nothing = np.empty((0, 2), dtype=np.int32), np.empty(0, dtype=np.int64)
    refused = (
        (0, 0, 0, 0), notes[:0].copy(), nothing, parts[:0], changes[:0], nobody, nothing,
    )  # fmt: skip
    if size < 14 or number_at(content, 0, 4) != MTHD or number_at(content, 4, 4) != 6:
        return refused
    declared, division = number_at(content, 10, 2), number_at(content, 12, 2)
    if number_at(content, 8, 2) > 2 or not 0 < division < 2**15:
        return refused
    # Notes of one track in the order in which they begin.
    keys = np.empty(room, dtype=np.int64)
    owner = np.empty(room, dtype=np.int32)
    later = np.empty(room, dtype=np.int32)
    sounding = np.full(CHANNELS * KEYS, -1, dtype=np.int32)  # the first that is to be released
    newest = np.empty(CHANNELS * KEYS, dtype=np.int32)
    part_of = np.full(CHANNELS * KEYS, -1, dtype=np.int32)
    program = np.zeros(CHANNELS, dtype=np.int64)
    held = np.zeros(CHANNELS, dtype=np.int64)  # notes that are not released yet
    begun = np.zeros(CHANNELS, dtype=np.int64)  # parts of the track so far
    shared = False
    total = made = changed = pressed = conductor_end = exclusive = 0
    at, tracks = 14, 0
    while at < size:
        if at + 8 > size or number_at(content, at, 4) != MTRK:
            return refused
        begin = at + 8
        end = begin + number_at(content, at + 4, 4)
        if end > size or end - begin < 4 or number_at(content, end - 3, 3) != 0xFF2F00:
            return refused
        at, tick, running, events = begin, 0, 0, 0
        name_at = name_size = struck = released = 0
        first_part = made
        only_meta, ended = True, False
        program[:] = 0
        begun[:] = 0
        while not ended:
            if at + 3 > end:  # no event is shorter
                return refused
            wait = np.int64(content[PLACE(at)])
            at += 1
            if wait > 127:
                wait, at = varying(content, at - 1, end)
            tick += wait
            events += 1
            if at < 0 or at + 2 > end or tick >= MOST_TICKS:
                return refused
            byte = np.int64(content[PLACE(at)])
            at += byte >> 7
            status = byte if byte >> 7 else running
            if status == 0:
                return refused
            kind, channel = status >> 4, status & 15
            if kind < 15:
                only_meta = False
                running = status
                first = np.int64(content[PLACE(at)])
                at += 1
                second = 0
                if kind != 12 and kind != 13:
                    if at >= end:
                        return refused
                    second = np.int64(content[PLACE(at)])
                    at += 1
                if first > 127 or second > 127:
                    return refused
                key = channel << 7 | first
                if kind == 9 and second > 0:
                    if sounding[key] < 0:
                        sounding[key] = struck
                    else:
                        later[PLACE(newest[key])] = struck
                    newest[key] = struck
                    later[PLACE(struck)] = -1
                    keys[PLACE(struck)] = tick << ONSET | first << PITCH | second
                    struck += 1
                    held[channel] += 1
                elif kind == 8 or kind == 9:
                    sound = channel << 7 | program[channel]
                    part = part_of[PLACE(sound)]
                    if part < 0:
                        part = part_of[PLACE(sound)] = made
                        parts[made, SOUND] = sound
                        parts[made, COUNT] = 0
                        parts[made, TRACK] = tracks
                        made += 1
                        shared |= begun[channel] > 0
                        begun[channel] += 1
                    note = sounding[key]
                    if note >= 0:
                        sounding[key] = later[PLACE(note)]
                        keys[PLACE(note)] |= max(tick - (keys[PLACE(note)] >> ONSET), 1) << LENGTH
                        owner[PLACE(note)] = part
                        parts[PLACE(part), COUNT] += 1
                        released += 1
                        held[channel] -= 1
                elif kind == 12:
                    if held[channel] and program[channel] != first:
                        return refused
                    program[channel] = first
                elif kind == 11 and first == SUSTAIN:
                    sound = channel << 7 | program[channel]
                    pedals[pressed, 0] = sound
                    pedals[pressed, 1] = tracks
                    pedals[pressed, 2] = begun[channel] == 0
                    pedals[pressed, 3] = tick
                    pedals[pressed, 4] = second
                    pressed += 1
                continue
            running = 0
            if status == 0xFF:
                what = content[at]
                at += 1
            elif status == 0xF0:
                what, only_meta = 0, False
                exclusive += 1
            else:
                return refused
            width, at = varying(content, at, end)
            if at < 0 or at + width > end:
                return refused
            if status == 0xF0:
                if width == 0 or content[at + width - 1] != 0xF7:
                    return refused
                for place in range(at, at + width - 1):
                    if content[place] > 127:
                        return refused
            elif what == END:
                if width or at != end:
                    return refused
                ended = True
            elif what in (NAME, MARKER):
                if width > LONGEST_TEXT:
                    return refused
                if what == NAME:
                    name_at, name_size = at, width
                else:
                    changes[changed, 0] = what
                    changes[changed, 1] = tick
                    changes[changed, 2] = at
                    changes[changed, 3] = width
                    changed += 1
            elif what in (TEMPO, METER, KEY):
                if width != (3 if what == TEMPO else 4 if what == METER else 2):
                    return refused
                if what == METER and content[at + 1] > MOST_POWER:
                    return refused
                changes[changed, 0] = what
                changes[changed, 1] = tick
                changes[changed, 2] = number_at(content, at, 3 if what == TEMPO else 1)
                changes[changed, 3] = content[at + 1]
                changed += 1
            at += width
        if struck != released:
            return refused
        if tracks == 0 and only_meta and events <= MOST_CONDUCTOR_EVENTS:
            conductor_end = tick
        tracks += 1
        total, made = shared_out(
            notes, total, parts, first_part, made, part_of, name_at, name_size, keys, struck, owner
        )
    ends = 0  # of an end of track in the middle of one, be it text, readers may make an end
    for place in range(size - 2):
        here, after = content[place], content[place + 1]
        ends += (here == 0xFF) & (after == END) & (content[place + 2] == 0)
    if tracks != declared or ends != tracks or (shared and pressed):
        return refused
    lengths = np.empty(made, dtype=np.int64)
    end = np.int64(0)
    for part in range(made):
        lengths[part] = parts[part, COUNT]
        end = max(end, np.int64(parts[part, STOP]))
    if end < conductor_end <= end + MAX_SILENCE_QUARTERS * division:
        end = conductor_end
    presses, press_counts = presses_of(pedals[:pressed], parts[:made], end, max(end, conductor_end))
    counts = tracks, np.int64(division), end, exclusive
    return (
        counts, notes[:total].copy(), lengths, parts[:made], changes[:changed], presses,
        press_counts,
    )  # fmt: skip
