"""A MIDI file becomes a Score, or a MidiError that says why not; nothing else ever escapes.

symusic reads the file; where it refuses, or where something may be lost, it reads what `repair`
makes of the tracks, and the reading with more notes counts. The Score keeps the file's own ticks;
`transform.quantise` brings it to the grid. Only this module knows symusic.
"""

import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from musegen.errors import MidiError
from musegen.music.chunks import END_OF_TRACK, NAME, Layout, layout_of
from musegen.music.machine import KERNELS
from musegen.music.parsed import GAP, Parsed, score_of
from musegen.music.plain import plain_score
from musegen.music.repair import LONG_NUMBER, OVER_127, Repairer, TooManyEvents, written
from musegen.music.score import Score
from musegen.music.source import DEFAULT_LIMITS, EVENT_BYTES, Limits, content_of, what_it_is
from musegen.music.texts import conductor

CPLUSPLUS_ERRORS = (RuntimeError, ValueError, IndexError, OverflowError, MemoryError)
"""What an exception of symusic's C++ can arrive as: every way in which it refuses a file."""

NOTE_ON = 0x90
CHANNELS = 16
MANY_RELEASES = (16, 256, 4096)
"""How many releases of a pitch are tried where one is not enough for what is never released."""


def read_midi(source: str | Path | bytes, limits: Limits = DEFAULT_LIMITS) -> Score:
    """The music of a MIDI file, or of a MIDI file's bytes; `repairs` says what was put right.

    Damage of every kind is repaired where notes can still be told: junk before the header, wrong
    lengths, missing ends, data bytes over 127, bad metas, notes that are never released. Values
    that no file should hold (a meter of 0/0, a tempo of 0, a key of 32 sharps, a note of no length)
    are put right or left out; tracks without notes are left out. Raises MidiError, and nothing
    else, for what is no MIDI, holds no notes, or is larger than `limits`.
    """
    path, content = content_of(source, limits)
    if KERNELS.loaded is not None:
        plain = plain_score(content, limits, KERNELS.loaded)
        if plain is not None:
            return plain
    found = layout_of(content)
    if found is None or not (found.spans or found.unknown):
        raise MidiError(path, what_it_is(content))
    if len(found.spans) > limits.tracks:
        raise MidiError(path, f"holds {len(found.spans):,} tracks; at most {limits.tracks:,}")
    refusal = MidiError(path, "holds no notes")
    if len(content) <= EVENT_BYTES * limits.events:
        quick = _quick(found)
        if quick is not None and quick.notes and not quick.repairs and found.is_sound:
            try:
                return _score(quick, found, path, limits)
            except MidiError as error:
                refusal = error
    else:
        quick = None
    for attempt in _attempts(found, quick, path, limits):
        try:
            return _score(attempt, found, path, limits)
        except MidiError as error:
            refusal = error
    raise refusal


def read_texts(source: str | Path | bytes) -> tuple[str, ...]:
    """The text events at the head of a MIDI file's first track, such as musegen's recipe."""
    found = layout_of(content_of(source)[1])
    if found is None or not found.spans:
        return ()
    begin, end = found.spans[0]
    return tuple(conductor(found.content[begin:end])[0])


@dataclass(frozen=True)
class _Attempt:
    """One way to read the file: what symusic parsed, of which bodies, after which repairs."""

    parsed: Parsed
    bodies: Sequence[bytes]
    repairs: Counter[str]

    @property
    def notes(self) -> int:
        """How many notes were found."""
        return int(self.parsed.score.note_num())


def _score(attempt: _Attempt, found: Layout, path: str, limits: Limits) -> Score:
    repairs = found.repairs + attempt.repairs
    return score_of(attempt.parsed, attempt.bodies, found.microseconds, repairs, path, limits)


def _quick(found: Layout) -> _Attempt | None:
    """The tracks as they are; None where symusic refuses them."""
    bodies = [found.content[begin:end] for begin, end in found.spans]
    parsed = _parse(found, bodies, sanitize=False)
    if parsed is not None:
        return _Attempt(parsed, bodies, Counter())
    parsed = _parse(found, bodies, sanitize=True)
    return None if parsed is None else _Attempt(parsed, bodies, Counter({OVER_127: 1}))


def _attempts(
    found: Layout, quick: _Attempt | None, path: str, limits: Limits
) -> Iterator[_Attempt]:
    """The other ways to read the file, those with most notes first; none without notes.

    Raises MidiError where the file holds too many events.
    """
    tried = [_repaired(found, [*found.spans], path, limits), quick]
    if tried[0] is not None and LONG_NUMBER in tried[0].repairs:
        tried.append(_repaired(found, [*found.spans], path, limits, four_bytes=True))
    if quick is None or not found.is_sound:
        tried.append(_as_symusic_reads(found))
    if not any(attempt is not None and attempt.notes for attempt in tried) and found.unknown:
        renamed = _repaired(found, sorted(found.spans + found.unknown), path, limits)
        if renamed is not None:
            renamed.repairs[NAME] += len(found.unknown)
            tried.append(renamed)
    usable = [attempt for attempt in tried if attempt is not None and attempt.notes]
    yield from sorted(usable, key=lambda attempt: -attempt.notes)


def _repaired(
    found: Layout,
    spans: Sequence[tuple[int, int]],
    path: str,
    limits: Limits,
    four_bytes: bool = False,
) -> _Attempt | None:
    repairer = Repairer(found.division, limits.events, four_bytes)
    try:
        bodies = [repairer.track(found.content[begin:end]) for begin, end in spans]
    except TooManyEvents:
        reason = f"holds more than {limits.events:,} events, which is the most that are read"
        raise MidiError(path, reason) from None
    parsed = _parse(found, bodies, sanitize=True)
    return None if parsed is None else _Attempt(parsed, bodies, repairer.repairs)


def _as_symusic_reads(found: Layout) -> _Attempt | None:
    try:
        score = _symusic(found.content, sanitize=True)
    except CPLUSPLUS_ERRORS:
        return None
    bodies = [found.content[begin:end] for begin, end in found.spans]
    return _Attempt(Parsed.of(score), bodies, Counter()) if score.tpq > 0 else None


def _parse(found: Layout, bodies: Sequence[bytes], sanitize: bool) -> Parsed | None:
    """What symusic makes of the tracks, every note of them released; None where it refuses them.

    Behind the end of each track lie releases of all pitches, so far away that notes which end there
    are known for notes that nothing else releases.
    """
    try:
        parsed = Parsed.of(_from_midi(found, bodies, _EVERYTHING, 1, sanitize))
        held = parsed.held
        for times in MANY_RELEASES if held else ():
            again = Parsed.of(_from_midi(found, bodies, held, times, sanitize))
            if again.score.note_num() == parsed.score.note_num():
                break
            parsed = again
    except CPLUSPLUS_ERRORS:
        return None
    return parsed


def _from_midi(
    found: Layout, bodies: Sequence[bytes], pitches: bytes, times: int, sanitize: bool
) -> Any:
    kind = 1 if found.format == 0 and len(bodies) > 1 else found.format
    pieces = [b"MThd", struct.pack(">IHHH", 6, kind, len(bodies), found.division)]
    for body in bodies:
        releases = _releases(body, pitches, times)
        if releases:
            body = body[: -len(END_OF_TRACK)] + releases + END_OF_TRACK
        pieces += [b"MTrk", struct.pack(">I", len(body)), body]
    return _symusic(b"".join(pieces), sanitize)


def _symusic(content: bytes, sanitize: bool) -> Any:
    """What symusic makes of a file; raises what it raises."""
    import symusic.core  # here, because it takes time to import, and composing needs no file

    return symusic.core.ScoreTick.from_midi(content, sanitize_data=sanitize)


def _releases(body: bytes, pitches: bytes, times: int) -> bytes:
    """Releases of these pitches on the channels that a track seems to play; b"" where it has no
    end. They begin with an empty text, which takes the time before the end of the track.
    """
    if not body.endswith(END_OF_TRACK):
        return b""
    sounding = [c for c in range(CHANNELS) if NOTE_ON | c in body]
    if not sounding:
        return b""
    off = _off(pitches, times)
    return _FAR + b"".join(b"%c%b" % (NOTE_ON | c, off) for c in sounding) + b"\xff\x01\0\0"


@lru_cache(maxsize=4)
def _off(pitches: bytes, times: int) -> bytes:
    """Pitch, velocity 0, and no time to the next: the data of so many releases."""
    return b"".join(b"%c\0\0" % pitch for pitch in pitches) * times


_EVERYTHING = bytes(range(128))
_FAR = b"\xff\x01\0" + written(GAP)
