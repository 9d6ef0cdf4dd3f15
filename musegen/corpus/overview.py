"""What a folder of MIDI is worth: which files can be used, why others cannot, and what is in them.

In: a folder. Out: an `Overview`, from the very reading that training does. Writes nothing; knows no
terminal and no picture.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from musegen.corpus.gathered import DIED, DUPLICATE, TRANSPOSED
from musegen.corpus.guarded import Died, guarded_map
from musegen.corpus.labels import Label, read_labels
from musegen.corpus.reading import PERFORMED, PrepareSettings, Reader, Taken
from musegen.corpus.scan import find_midi
from musegen.corpus.shards import LeftOut
from musegen.music.instruments import FIRST_DRUM, kit_name, program_name
from musegen.music.score import PITCH, Repair, Score
from musegen.music.timing import length_s
from musegen.tokens.controls import Controls

NO_KEY, NO_GENRE, NO_LICENCE = "no clear key", "none", "not said"
KEYS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
TEMPO_BIN, TEMPO_MOST = 20, 240
LENGTHS_S = (30, 60, 120, 180, 240, 300, 600)

LAST_DRUM = 87
DRUM_SHARE = 0.25
"""A drum track that has this share of its notes outside General MIDI's drums is suspicious."""

DRUM_WORDS = ("drum", "kit", "percussion", "schlagzeug", "batterie", "batería")
UNBALANCED = 10
"""The largest genre has so many times the pieces of the median one: said as a warning."""


@dataclass(frozen=True)
class Examined:
    """One usable piece, as far as a report needs it. `seconds` is how long it lasts."""

    notes: int
    bars: int
    seconds: float
    identity: str
    lowest: int
    key: str
    tempo: int
    meter: str
    instruments: tuple[str, ...]
    drums: str
    repairs: tuple[Repair, ...]


@dataclass(frozen=True)
class Examiner:
    """Reads one labelled file as `Reader` does, and keeps what a report needs."""

    reader: Reader

    def __call__(self, item: tuple[str, Label]) -> Examined | LeftOut:
        taken = self.reader.take(item)
        return taken if isinstance(taken, LeftOut) else examined(taken)


@dataclass
class Overview:
    """What was found in a folder, so far or in all. Counters count pieces that are used."""

    folder: str
    files: int = 0
    done: int = 0
    used: int = 0
    notes: int = 0
    bars: int = 0
    seconds: float = 0.0
    left_out: list[LeftOut] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    repaired: dict[str, tuple[Repair, ...]] = field(default_factory=dict)
    repairs: Counter[str] = field(default_factory=Counter)
    suspicious_drums: dict[str, str] = field(default_factory=dict)
    keys: Counter[str] = field(default_factory=Counter)
    tempos: Counter[str] = field(default_factory=Counter)
    meters: Counter[str] = field(default_factory=Counter)
    instruments: Counter[str] = field(default_factory=Counter)
    lengths: Counter[str] = field(default_factory=Counter)
    genres: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    _first: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 where every file is used, 1 where some are not, 2 where none is."""
        return 2 if not self.used else 1 if self.left_out else 0

    def leave_out(self, left: LeftOut) -> None:
        """This file is not used."""
        self.left_out.append(left)
        self.reasons[left.kind] += 1

    def take(self, path: str, label: Label, result: Examined | LeftOut | Died) -> None:
        """One file's result, in order of paths: the first of several duplicates is used."""
        self.done += 1
        if isinstance(result, Died):
            self.leave_out(LeftOut(path, DIED, result.reason))
        elif isinstance(result, LeftOut):
            self.leave_out(result)
        elif result.identity in self._first:
            first, lowest = self._first[result.identity]
            kind = DUPLICATE if lowest == result.lowest else TRANSPOSED
            self.leave_out(LeftOut(path, kind, f"the same notes as {first}"))
        else:
            self._first[result.identity] = path, result.lowest
            self._count(path, label, result)

    def _count(self, path: str, label: Label, piece: Examined) -> None:
        self.used += 1
        self.notes += piece.notes
        self.bars += piece.bars
        self.seconds += piece.seconds
        if piece.repairs:
            self.repaired[path] = piece.repairs
            self.repairs.update(repair.what for repair in piece.repairs)
        if piece.drums:
            self.suspicious_drums[path] = piece.drums
        self.keys[piece.key] += 1
        self.tempos[_tempo_bin(piece.tempo)] += 1
        self.meters[piece.meter] += 1
        self.instruments.update(piece.instruments)
        self.lengths[_length_bin(piece.seconds)] += 1
        self.genres[label.genre or NO_GENRE] += 1
        self.licences[label.licence or NO_LICENCE] += 1

    def as_told(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        told = {name: value for name, value in vars(self).items() if name[0] != "_"}
        told["left_out"] = [asdict(left) for left in self.left_out]
        told["repaired"] = {
            path: [repair._asdict() for repair in repairs]
            for path, repairs in self.repaired.items()
        }
        told["seconds"] = round(self.seconds, 1)
        return told | {"exit_code": self.exit_code}


def survey(
    folder: str | Path,
    settings: PrepareSettings | None = None,
    workers: int = 1,
    progress: Callable[[Overview], None] | None = None,
) -> Overview:
    """Every MIDI file of `folder` was read, and this is what is in them.

    `workers` 0 reads in this process. Raises CorpusError where the folder is missing or holds no
    file that may be MIDI.
    """
    folder, settings = Path(folder), settings or PrepareSettings()
    files, left_out = find_midi(folder)
    labels = read_labels(folder)
    found = Overview(str(folder), files=len(files) + len(left_out), done=len(left_out))
    for left in left_out:
        found.leave_out(left)
    items = [(file.path, labels.of(file.path)) for file in files]
    results = guarded_map(Examiner(Reader(folder, settings)), items, workers, settings.limit_s)
    for (path, label), result in zip(items, results, strict=True):
        found.take(path, label, result)
        if progress is not None:
            progress(found)
    found.warnings = [*labels.warnings, *_warnings(found)]
    return found


def examined(taken: Taken) -> Examined:
    """What a report needs of a piece that is used."""
    controls, score, reading = taken.controls, taken.score, taken.reading
    names = {kit_name(t.program) if t.is_drum else program_name(t.program) for t in score.tracks}
    numerator, denominator = controls.meter or (4, 4)
    return Examined(
        notes=reading.notes,
        bars=reading.bars,
        seconds=length_s(score),
        identity=reading.identity,
        lowest=reading.lowest,
        key=_key(controls),
        tempo=controls.tempo or 0,
        meter=f"{numerator}/{denominator}",
        instruments=tuple(sorted(names)),
        drums=suspicious(score),
        repairs=taken.repairs,
    )


def suspicious(score: Score) -> str:
    """Why the drums of a piece may not be drums, or others may be, in words; "" for nothing."""
    for track in score.tracks:
        pitch = track.notes[:, PITCH]
        if track.is_drum:
            outside = float(np.mean((pitch < FIRST_DRUM) | (pitch > LAST_DRUM)))
            if outside >= DRUM_SHARE:
                return f"{outside:.0%} of a drum track's notes are no drums of General MIDI"
        elif any(word in track.name.lower().split() for word in DRUM_WORDS):
            return f"a track named as drums plays {program_name(track.program)}"
    return ""


def _key(controls: Controls) -> str:
    return NO_KEY if controls.key is None else f"{KEYS[controls.key[0]]} {controls.key[1]}"


def _tempo_bin(bpm: int) -> str:
    low = min(bpm, TEMPO_MOST) // TEMPO_BIN * TEMPO_BIN
    return f"{low:03}+" if low == TEMPO_MOST else f"{low:03}-{low + TEMPO_BIN - 1:03}"


def _length_bin(seconds: float) -> str:
    for number, most in enumerate(LENGTHS_S):
        if seconds < most:
            return f"{LENGTHS_S[number - 1] if number else 0:03}-{most:03} s"
    return f"{LENGTHS_S[-1]:03} s and more"


def _warnings(found: Overview) -> Iterator[str]:
    sizes: Mapping[str, int] = {name: n for name, n in found.genres.items() if name != NO_GENRE}
    if len(sizes) > 1:
        largest = max(sizes, key=lambda name: sizes[name])
        middle = sorted(sizes.values())[len(sizes) // 2]
        if sizes[largest] >= UNBALANCED * middle:
            yield (
                f"the genres are out of balance: {largest} has {sizes[largest]:,} pieces, the "
                f"median genre {middle:,}"
            )
    if found.used and not sizes:
        yield "no piece has a genre: put files into folders named after genres, or add labels.csv"
    free = found.reasons[PERFORMED]
    if free:
        yield (
            f"{free:,} pieces are performed freely, with no beat that could be used: they are "
            "left out (--keep-performed takes them as they are)"
        )
