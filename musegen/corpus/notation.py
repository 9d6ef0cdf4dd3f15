"""A score as music21 reads it becomes a musegen Score, with its bars where the notation has them.

In: a file of notation (MusicXML, ABC). Out: a Score: parts, instruments, tempo, meter, key, notes,
repeats played. The only module that knows music21; it does not know which pieces may be taken.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from musegen.corpus.barlines import Bar, laid_out
from musegen.errors import CorpusError, WishError
from musegen.music.instruments import find_instrument
from musegen.music.score import Key, Meter, Score, Tempo, Track, note_array

TICKS_PER_QUARTER = 480
MEZZOFORTE = 80
"""How loud a part is that has no dynamics."""

INSTALL = "pip install 'musegen[starter]'"


@dataclass(frozen=True)
class Manner:
    """How a score is played that does not say it: its instrument, and how fast.

    Dances have a number of bars a minute, whatever the note values they are written in; all other
    music has a number of quarters.
    """

    program: int
    quarters_a_minute: float = 100.0
    bars_a_minute: float | None = None

    def tempo_bpm(self, numerator: int, denominator: int) -> float:
        """Quarters per minute in that meter."""
        if self.bars_a_minute is None:
            return self.quarters_a_minute
        return self.bars_a_minute * 4 * numerator / denominator


@dataclass(frozen=True)
class Notated:
    """A score that was read, whether its repeats were played, how many bars have odd lengths."""

    score: Score
    repeats_played: bool
    irregular_bars: int


@dataclass(frozen=True)
class _Sound:
    """One pitch as it stands in a bar: quarters from the bar's beginning."""

    onset: Fraction
    length: Fraction
    pitch: int
    velocity: int
    tied: bool  # it goes on from the note before
    ties: bool  # it goes on into the note after it


class Played(NamedTuple):
    """A measure, by its number in the score, at a place where it is played."""

    measure: int
    place: Bar


def corpus_folder() -> Path:
    """Where music21 keeps its corpus. CorpusError, with what to install, where there is none."""
    folder = Path(_music21().corpus.__path__[0])
    if not (folder / "license.txt").is_file():
        raise CorpusError(
            f"this copy of music21 came without its corpus; install it anew: {INSTALL}"
        )
    return folder


def _music21() -> Any:
    try:
        import music21
    except ImportError:
        raise CorpusError(
            f"the starter collection is made from the package music21, which is not installed: "
            f"{INSTALL}"
        ) from None
    return music21


def read_notation(path: str | Path, manner: Manner, number: int | None = None) -> Notated:
    """The score in the file at `path`, or the tune of that number in a book of ABC tunes.

    Raises CorpusError for what cannot be written in bars, and whatever music21 raises.
    """
    music21 = _music21()
    options: dict[str, Any] = {} if number is None else {"number": number}
    parsed = music21.converter.parse(str(path), forceSource=True, storePickle=False, **options)
    if not isinstance(parsed, music21.stream.Score):
        raise CorpusError("it is no single score")
    return score_of(parsed, manner)


def score_of(parsed: Any, manner: Manner) -> Notated:
    """A music21 Score as a musegen Score: sounding pitches, ties joined, repeats played.

    Repeats that do not add up are left as they are written. `parsed` is changed.
    """
    parsed.toSoundingPitch(inPlace=True)
    parts = [part for part in parsed.parts if _measures(part)]
    counts = sorted({len(_measures(part)) for part in parts})
    if len(counts) != 1:
        raise CorpusError(f"its parts have different numbers of bars: {counts or 'none'}")
    columns = list(zip(*map(_measures, parts), strict=True))
    order = _played(parts[0])
    written = _bars(columns)
    layout = laid_out([written[place] for place in order or range(len(written))])
    bars = [Played(*pair) for pair in zip(order or range(len(written)), layout.bars, strict=True)]
    tracks = [track for track in _tracks(parts, bars, manner) if len(track)]
    if not tracks:
        raise CorpusError("it has no notes")
    usual = manner.tempo_bpm(*layout.changes[0][1:])
    score = Score(
        ticks_per_quarter=TICKS_PER_QUARTER,
        tracks=tuple(tracks),
        tempos=_tempos(columns, bars, usual),
        meters=tuple(Meter(_tick(start), n, d) for start, n, d in layout.changes),
        keys=_keys(columns, bars),
        end=_tick(layout.bars[-1].start + layout.bars[-1].length),
    )
    return Notated(score, order is not None, layout.irregular)


def _played(part: Any) -> list[int] | None:
    """The bars in the order in which they are played; None where repeats do not add up.

    music21 would expand the whole score, note by note and slowly. It is given empty bars with the
    same signs instead, and only says which comes after which.
    """
    music21 = _music21()
    empty = music21.stream.Part()
    twins: dict[int, Any] = {}
    for number, measure in enumerate(_measures(part)):
        twin = music21.stream.Measure(number=number)
        twin.append(music21.note.Rest(lyric=str(number)))  # what a copy is known by
        for mark in measure.getElementsByClass("RepeatMark"):
            if "Barline" not in mark.classes:
                twin.insert(mark.offset, deepcopy(mark))
        twin.leftBarline, twin.rightBarline = map(
            deepcopy, (measure.leftBarline, measure.rightBarline)
        )
        empty.append(twin)
        twins[id(measure)] = twin
    endings: dict[int, int] = {}  # first and last bar
    for bracket in part.getElementsByClass("RepeatBracket"):
        inside = [twins[id(m)] for m in bracket.getSpannedElements() if id(m) in twins]
        empty.insert(0, music21.spanner.RepeatBracket(inside, number=bracket.number))
        numbers = [twin.number for twin in inside]
        endings |= {min(numbers): max(numbers)} if numbers else {}
    _begin_sections(list(twins.values()), endings)
    try:
        played = music21.repeat.Expander(empty).process()
    except music21.repeat.ExpanderException:
        return None
    return [int(twin.notesAndRests.first().lyric) for twin in _measures(played)]


def _begin_sections(bars: Sequence[Any], endings: Mapping[int, int]) -> None:
    """Every section that is repeated has a sign at its beginning.

    People leave it out: the section then begins where the one before was over. music21 would go
    back to the very beginning each time.
    """
    start = _music21().bar.Repeat
    section, signed = 0, True  # a piece begins without one
    for place, bar in enumerate(bars):
        signed = signed or _repeat(bar.leftBarline) == "start"
        if _repeat(bar.rightBarline) != "end":
            continue
        if not signed and place >= section:
            bars[section].leftBarline = start(direction="start")
        section, signed = place + 1, False
        while section in endings:  # the second ending still belongs to it
            section = endings[section] + 1


def _repeat(line: Any) -> str:
    """ "start", "end", or "" for what is no repeat sign."""
    return str(line.direction) if line is not None and "Repeat" in line.classes else ""


def _measures(part: Any) -> list[Any]:
    return list(part.getElementsByClass("Measure"))


def _tick(quarters: Fraction) -> int:
    """Ticks of a time in quarters, rounded to the nearest."""
    return round(quarters * TICKS_PER_QUARTER)


def _bars(columns: Sequence[Sequence[Any]]) -> list[tuple[Fraction, int, int]]:
    """For every bar its length as written in quarters, and the meter that holds."""
    bars, meter = [], None
    for column in columns:
        signs = [m.timeSignature for m in column if m.timeSignature is not None]
        if signs:
            meter = (int(signs[0].numerator), int(signs[0].denominator))
        if meter is None:
            raise CorpusError("it has no meter")
        length = max(_length(measure, Fraction(4 * meter[0], meter[1])) for measure in column)
        bars.append((length, *meter))
    return bars


def _length(measure: Any, full: Fraction) -> Fraction:
    """How long a measure is: to the end of its notes, and of its rests as far as the meter goes.

    Editors write a rest for a whole bar as four quarters whatever the meter, or twice.
    """
    notes = measure.recurse().notes
    ends = [Fraction(n.getOffsetInHierarchy(measure) + n.quarterLength) for n in notes]
    return max([*ends, min(full, Fraction(measure.duration.quarterLength))])


def _tracks(parts: Sequence[Any], bars: Sequence[Played], manner: Manner) -> list[Track]:
    """One track for every part; the staves of one keyboard are one track."""
    tracks: dict[object, Track] = {}
    for number, part in enumerate(parts):
        notes = note_array(_joined(_sounds(part), bars))
        track = Track(_program(part, manner), False, str(part.partName or ""), notes)
        staff = _keyboard(part) or number
        if staff in tracks:
            track = replace(tracks[staff], notes=note_array([*tracks[staff], *track]))
        tracks[staff] = track
    return list(tracks.values())


def _keyboard(part: Any) -> object:
    """What the staves of one keyboard share; None for any other part."""
    if "PartStaff" not in part.classes:
        return None
    return (str(part.partName), str(part.id).rpartition("-Staff")[0])


def _program(part: Any, manner: Manner) -> int:
    """The General MIDI program of a part: by its name, else what its file says, else as usual."""
    instrument = part.getInstrument(returnDefault=False)
    for name in (part.partName, instrument and instrument.instrumentName):
        found = _program_by_name(str(name or ""))
        if found is not None:
            return found
    program = instrument and instrument.midiProgram
    return int(program) if program else manner.program  # 0 is what editors write when not asked


@cache
def _program_by_name(name: str) -> int | None:
    """The program of "Violin II" or "Klarinette in B"; None for a name that is none's."""
    words = [word for word in name.lower().replace(".", " ").split() if not word.isdigit()]
    for length in range(len(words), 0, -1):
        for first in range(len(words) - length + 1):
            text = " ".join(words[first : first + length])
            try:
                return _SCORE_NAMES.get(text) or find_instrument(text)[0].program
            except WishError:
                continue
    return None


CHOIR = 52
_VOICES = (
    "soprano", "alto", "tenor", "baritone", "bass", "s", "a", "t", "b", "canto", "quinto", "sesto",
    "tenore", "basso", "cantus", "superius", "altus", "contratenor", "bassus", "voice",
)  # fmt: skip
_SCORE_NAMES = dict.fromkeys(_VOICES, CHOIR) | {
    "violino": 40, "violoncello": 42, "vc": 42, "vcl": 42, "continuo": 6, "violone e organo": 19,
}  # fmt: skip
"""What scores write and General MIDI does not: a "Tenor" in a score sings and is no saxophone."""


def _sounds(part: Any) -> list[list[_Sound]]:
    """The pitches of every bar of a part; ornaments without a length of their own are left out."""
    velocity, bars = MEZZOFORTE, []
    for measure in _measures(part):
        bar: list[_Sound] = []
        found = measure.recurse().getElementsByClass(("GeneralNote", "Dynamic"))
        timed = [(Fraction(e.getOffsetInHierarchy(measure)), e) for e in found]
        for onset, element in sorted(timed, key=lambda pair: (pair[0], pair[1].classSortOrder)):
            if "Dynamic" in element.classes:
                velocity = max(1, min(127, round(127 * element.volumeScalar)))
            elif "ChordSymbol" not in element.classes:
                length = Fraction(element.duration.quarterLength)
                for note in element.notes if "ChordBase" in element.classes else (element,):
                    if "Note" in note.classes and length > 0:
                        tie = note.tie or element.tie
                        kind = "" if tie is None else tie.type
                        tied, ties = kind in ("stop", "continue"), kind in ("start", "continue")
                        bar.append(_Sound(onset, length, note.pitch.midi, velocity, tied, ties))
        bars.append(bar)
    return bars


def _joined(
    sounds: Sequence[Sequence[_Sound]], bars: Sequence[Played]
) -> list[tuple[int, int, int, int]]:
    """The notes in ticks as they are played, those that ties join made one.

    One end of a tie is enough, where the other note is there: files often lack the other end.
    """
    notes: list[list[Any]] = []
    sounding: dict[tuple[int, Fraction], tuple[list[Any], bool]] = {}  # by pitch and release
    for bar in bars:
        for sound in sounds[bar.measure]:
            onset = bar.place.start + sound.onset
            held, ties = sounding.pop((sound.pitch, onset), (None, False))
            if held is None or not (ties or sound.tied):
                held = [onset, onset, sound.pitch, sound.velocity]
                notes.append(held)
            held[1] = onset + sound.length
            sounding[sound.pitch, held[1]] = held, sound.ties
    return [(_tick(a), _tick(b) - _tick(a), pitch, loud) for a, b, pitch, loud in notes]


def _tempos(
    columns: Sequence[Sequence[Any]], bars: Sequence[Played], usual_bpm: float
) -> tuple[Tempo, ...]:
    """The metronome marks, from any part; without one near the beginning, the usual tempo."""
    marks: dict[int, Tempo] = {}
    for bar in bars:
        for measure in columns[bar.measure]:
            for mark in measure.recurse().getElementsByClass("MetronomeMark"):
                bpm = mark.getQuarterBPM()
                if bpm is not None and 16 <= bpm <= 300:
                    onset = bar.place.start + Fraction(mark.getOffsetInHierarchy(measure))
                    marks.setdefault(_tick(onset), Tempo.from_bpm(_tick(onset), bpm))
    first = min(marks, default=None)
    if first is None or first > _tick(bars[min(2, len(bars) - 1)].place.start):
        marks[0] = Tempo.from_bpm(0, usual_bpm)
    elif first > 0:  # a mark over the first notes holds for the rest before them too
        marks[0] = marks[first]._replace(tick=0)
    return tuple(tempo for _, tempo in sorted(marks.items()))


def _keys(columns: Sequence[Sequence[Any]], bars: Sequence[Played]) -> tuple[Key, ...]:
    """The keys that are major or minor; a signature alone, or a mode, says neither."""
    written: list[tuple[int, str] | None] = []
    for column in columns:
        sign = column[-1].keySignature
        if sign is None:
            written.append(written[-1] if written else None)
        else:
            known = getattr(sign, "mode", None) in ("major", "minor")
            written.append((sign.tonic.pitchClass, sign.mode) if known else None)
    keys: list[Key] = []
    for bar in bars:
        key = written[bar.measure]
        if key is not None and (not keys or key != keys[-1][1:]):
            keys.append(Key(_tick(bar.place.start) if keys else 0, *key))
    return tuple(keys)
