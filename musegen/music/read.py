"""A MIDI file becomes a Score, or a MidiError that says why not; nothing else ever escapes.

Guarded against what is not a file, too large, endless or nonsense. The Score keeps the file's own
ticks; `transform.quantise` brings it to the grid. Only this module and `write` know a MIDI library.
"""

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import symusic.core as symusic

from musegen.errors import MidiError
from musegen.music import timing
from musegen.music.score import (
    DURATION,
    ONSET,
    PITCH,
    Key,
    Marker,
    Meter,
    NoteArray,
    Score,
    Tempo,
    Track,
    note_array,
)

META, TEXT, END_OF_TRACK = 0xFF, 0x01, 0x2F

CPLUSPLUS_ERRORS = (RuntimeError, ValueError, IndexError, OverflowError, MemoryError)
"""What an exception of symusic's C++ can arrive as: every way in which it refuses a file."""

MAX_BYTES = 32 * 2**20
MAX_NOTES = 2_000_000
MAX_HOURS = 4
MAX_QUARTERS = 100_000
MAX_TICK = 2**31 - 1
MAX_DENOMINATOR = 64
MAX_SILENCE_QUARTERS = 256
"""A file's own end counts as the end of the piece where it follows the last note this soon."""

MAX_CONDUCTOR_EVENTS = 20_000
MAX_TEXT = 200
"""Characters of a track's name or a marker that are kept."""


def read_midi(source: str | Path | bytes) -> Score:
    """The music of a MIDI file, or of a MIDI file's bytes.

    Values that no file should hold (a meter of 0/0, a tempo of 0, a key of 32 sharps, a note of no
    length) are put right or left out; tracks without notes are left out.
    """
    path, content = _content(source)
    try:
        parsed = symusic.ScoreTick.from_midi(content, sanitize_data=True)
    except CPLUSPLUS_ERRORS as error:
        reason = str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error")
        raise MidiError(path, f"is not a MIDI file that can be read ({reason})") from error
    return _score(parsed, path, _conductor(content)[1])


def read_texts(source: str | Path | bytes) -> tuple[str, ...]:
    """The text events at the head of a MIDI file's first track, such as musegen's recipe."""
    return tuple(_conductor(_content(source)[1])[0])


def _too_large(size: int) -> str:
    return f"holds {size / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} MiB are read"


def _content(source: str | Path | bytes) -> tuple[str, bytes]:
    """What to call it, and the bytes of a regular file of sensible size, out of a .rmi wrapper."""
    if isinstance(source, bytes):
        path, content = "MIDI bytes", source
    else:
        path, content = str(source), _bytes_of(source)
    if len(content) > MAX_BYTES:
        raise MidiError(path, _too_large(len(content)))
    if not content:
        raise MidiError(path, "is empty")
    return path, _unwrapped(content)


def _bytes_of(source: str | Path) -> bytes:
    try:
        found = os.stat(source)
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
            raise MidiError(source, f"is {kind}; a MIDI file is needed")
        if found.st_size > MAX_BYTES:
            raise MidiError(source, _too_large(found.st_size))
        with open(source, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a null character in it
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise MidiError(source, f"cannot be read ({reason})") from error


def _unwrapped(content: bytes) -> bytes:
    """The MIDI file inside a RIFF (.rmi) wrapper; anything else as it is."""
    if content[:4] == b"RIFF" and content[8:12] == b"RMID":
        start = content.find(b"MThd", 12, 4096)
        return content[start:] if start >= 0 else content
    return content


def _conductor(content: bytes) -> tuple[list[str], int]:
    """The text events of the first track, and the tick of its end; 0 where it holds music.

    symusic gives neither. Read until the first event that is none of a conductor's, or the first
    that is damaged: what is wrong with a file is for symusic to say.
    """
    texts: list[str] = []
    at = 8 + int.from_bytes(content[4:8])
    if content[at : at + 4] != b"MTrk":
        return texts, 0
    at, tick = at + 8, 0
    try:
        for _ in range(MAX_CONDUCTOR_EVENTS):
            wait, at = _number(content, at)
            tick += wait
            if content[at] != META:
                return texts, 0
            kind = content[at + 1]
            length, at = _number(content, at + 2)
            if kind == END_OF_TRACK:
                return texts, tick
            if kind == TEXT:
                texts.append(content[at : at + length].decode("utf-8", "replace"))
            at += length
    except IndexError:  # it ends too early
        pass
    return texts, 0


def _number(content: bytes, at: int) -> tuple[int, int]:
    """MIDI's number of variable length at `at`, and the place after it. 81 00 is 128."""
    number = 0
    for place in range(at, at + 4):
        number = number << 7 | content[place] & 127
        if content[place] < 128:
            break
    return number, place + 1


def _score(parsed: Any, path: str, end: int) -> Score:
    if parsed.tpq <= 0:
        raise MidiError(path, "says that a quarter note has no ticks")
    count = parsed.note_num()
    if not count:
        raise MidiError(path, "holds no notes")
    if count > MAX_NOTES:
        raise MidiError(path, f"holds {count:,} notes; at most {MAX_NOTES:,} are read")
    tracks = []
    for part in parsed.tracks:
        arrays = part.notes.numpy()
        if len(arrays["time"]):
            notes = _notes(arrays, path)
            tracks.append(Track(part.program & 127, part.is_drum, _text(part.name), notes))
    score = Score(
        ticks_per_quarter=parsed.tpq,
        tracks=tuple(tracks),
        tempos=_tempos(parsed.tempos.numpy()),
        meters=_meters(parsed.time_signatures.numpy()),
        keys=_keys(parsed.key_signatures.numpy()),
        markers=tuple(
            Marker(marker.time, _text(marker.text))
            for marker in parsed.markers
            if marker.time >= 0 and _text(marker.text)
        ),
    )
    if end <= score.end + MAX_SILENCE_QUARTERS * parsed.tpq:
        score = replace(score, end=max(score.end, end))
    quarters, hours = score.end / parsed.tpq, timing.length_s(score) / 3600
    if hours > MAX_HOURS:
        raise MidiError(path, f"lasts {hours:,.1f} hours; at most {MAX_HOURS} are read")
    if quarters > MAX_QUARTERS:
        raise MidiError(path, f"is {quarters:,.0f} quarter notes long; at most {MAX_QUARTERS:,}")
    return score


def _notes(arrays: dict[str, Any], path: str) -> NoteArray:
    """Notes as `note_array` would give them, sorted by one packed key where that is enough."""
    notes = np.empty((len(arrays["time"]), 4), dtype=np.int32)
    for column, name in enumerate(("time", "duration", "pitch", "velocity")):
        notes[:, column] = arrays[name]
    np.maximum(notes[:, DURATION], 1, out=notes[:, DURATION])
    onset = notes[:, ONSET].astype(np.int64)
    # A time past 2**31 ticks wraps round to a negative one.
    if onset.min() < 0 or (onset + notes[:, DURATION]).max() > MAX_TICK:
        raise MidiError(path, f"is longer than {MAX_TICK:,} ticks")
    np.clip(notes[:, 2:], [0, 1], 127, out=notes[:, 2:])
    key = onset << 7 | notes[:, PITCH]
    if (key[1:] > key[:-1]).all():
        notes.setflags(write=False)
        return notes
    order = np.argsort(key, kind="stable")
    if (np.diff(key[order]) == 0).any():
        return note_array(notes)
    notes = notes[order]
    notes.setflags(write=False)
    return notes


def _tempos(arrays: dict[str, Any]) -> tuple[Tempo, ...]:
    rows = zip(arrays["time"].tolist(), arrays["mspq"].tolist(), strict=True)
    kept = tuple(
        Tempo(tick, us) for tick, us in rows if tick >= 0 and 0 < us <= timing.MAX_MICROSECONDS
    )
    return timing.tempos_in_order(Score(1, tempos=kept))


def _meters(arrays: dict[str, Any]) -> tuple[Meter, ...]:
    names = ("time", "numerator", "denominator")
    rows = zip(*(arrays[name].tolist() for name in names), strict=True)
    kept = tuple(
        Meter(tick, n, d)
        for tick, n, d in rows
        if tick >= 0 and n > 0 and 0 < d <= MAX_DENOMINATOR and d & (d - 1) == 0
    )
    return timing.meters_in_order(Score(1, meters=kept))


def _keys(arrays: dict[str, Any]) -> tuple[Key, ...]:
    """Keys from their number of sharps (flats below 0), each of them a fifth higher.

    Careful files repeat the key in every track: of several at one tick the first counts.
    """
    rows = zip(*(arrays[name].tolist() for name in ("time", "key", "tonality")), strict=True)
    first: dict[int, Key] = {}
    for tick, sharps, minor in rows:
        if tick >= 0 and -7 <= sharps <= 7 and minor in (0, 1):
            key = Key(tick, (7 * sharps + 9 * minor) % 12, "minor" if minor else "major")
            first.setdefault(tick, key)
    return tuple(first[tick] for tick in sorted(first))


def _text(text: str) -> str:
    """`text` without control characters and spaces around it, at most `MAX_TEXT` long."""
    if text.isascii() and text.isprintable():
        return text.strip()[:MAX_TEXT]
    return "".join(c if c.isprintable() else " " for c in text).strip()[:MAX_TEXT]
