"""Bach's chorales on the 16th grid as rows of one pitch each: the file, the event table, the rows.

In: the published arrays of pieces (steps, 4), soprano to bass, silence as NaN. Out: values of
fields, and what a MusicModel takes. Trains nothing.
"""

import io
import pickle  # the published file holds pickled arrays; `Arrays` admits nothing else
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musegen.music.keys import find_key
from musegen.tokens.fields import LINK_PLACE, OWN_LINKS, SEEN_LINKS, Field, Kind, Table
from musegen.tokens.relations import Relation

VOICES = ("soprano", "alto", "tenor", "bass")
STEPS_A_BEAT = 4
TICKS_A_STEP = 6
"""Steps of musegen's grid (24 a quarter note) in one of a sixteenth."""

LOWEST, HIGHEST = 20, 96
"""Pitches that a field can say: those of all chorales (36 to 81), moved by at most an octave."""

SHIFTS = tuple(range(-6, 7))
"""Semitones by which a piece may be moved."""

USUAL_HEIGHT = 61.5
"""Mean pitch of the chorales."""

SILENT = 0
PAD, START, FIRST_PITCH = 0, 1, 2
A_STEP = len(VOICES)
SEEN_BACK = (4 * A_STEP, 3, 16 * A_STEP, 8 * A_STEP, 3 * A_STEP, 32 * A_STEP)
"""How many rows before the next one those lie that a row links to: the same voice a beat, a bar and
so on ago, and the third voice above."""

OWN_BACK = (A_STEP, 2, 1)
"""How many rows before a row those lie that only it links to: its own voice a step ago, and the
voices above it."""

assert len(SEEN_BACK) == len(SEEN_LINKS)
assert len(OWN_BACK) == len(OWN_LINKS)

A_BEAT_AGO, THIRD_ABOVE = list(SEEN_LINKS)[:2]
A_STEP_AGO, SECOND_ABOVE, ABOVE = OWN_LINKS

FARTHEST = 36
"""Semitones up to which two pitches are an interval."""

Ints = NDArray[np.int64]
Pieces = list[Ints]  # each (steps, 4): values of the voices' fields


def chorale_table() -> Table:
    """Rows of one pitch. A row's kind says which voice it is of and which sixteenth of the beat; it
    costs nothing, since it follows from the row's number.
    """
    views = (
        lambda value: 0 if value == SILENT else 1 + (value - 1 + LOWEST) % 12,
        lambda value: 0 if value == SILENT else 1 + (value - 1 + LOWEST) // 12,
    )
    pitch = Field("pitch", 2 + HIGHEST - LOWEST, "pitch of a voice, 0: silent", parts=views)
    kinds = [
        (place, Kind(f"{voice.upper()}{n}", ("pitch",), f"{voice}, sixteenth {n} of a beat"))
        for n in range(1, 1 + STEPS_A_BEAT)
        for place, voice in enumerate(VOICES)
    ]
    given = (Kind("PAD", (), "nothing", drawn=False), Kind("START", (), "begins", drawn=False))
    relations = [interval for place, kind in kinds for interval in intervals(kind.name, place)]
    return Table({"pitch": pitch}, (*given, *(kind for _, kind in kinds)), tuple(relations))


def intervals(kind: str, voice: int) -> list[Relation]:
    """What a voice is heard against, as so many semitones, the same in every key: its own pitch a
    sixteenth and a beat ago, and the voices above it.
    """
    values = np.arange(2 + HIGHEST - LOWEST)
    away = values - values[:, None] + FARTHEST
    away[(away < 0) | (away > 2 * FARTHEST)] = -1
    away[SILENT] = away[:, SILENT] = -1
    away[SILENT, SILENT] = 2 * FARTHEST + 1  # a rest goes on
    heard = [A_STEP_AGO, A_BEAT_AGO, *(ABOVE, SECOND_ABOVE, THIRD_ABOVE)[:voice]]
    steps = away.astype(np.int16)
    return [Relation(kind, "pitch", link, "pitch", steps, 2 * FARTHEST + 2) for link in heard]


class Arrays(pickle.Unpickler):
    """Unpickles numpy arrays and nothing else."""

    ALLOWED: ClassVar = {
        ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
    }  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        """What an array is made of."""
        if (module, name) not in self.ALLOWED:
            raise ValueError(f"the file asks for {module}.{name}: refused")
        return super().find_class(module, name)


def read_splits(path: Path) -> dict[str, Pieces]:
    """The pieces of each split as values of the fields."""
    splits = {}
    with zipfile.ZipFile(path) as archive:
        for name in ("train", "valid", "test"):
            stream = io.BytesIO(archive.read(f"{name}.npy"))
            version = np.lib.format.read_magic(stream)
            assert version[0] == 1, f"{name}.npy: format {version}"
            np.lib.format.read_array_header_1_0(stream)
            pieces = Arrays(stream, encoding="latin1").load()
            splits[name] = [values_of(np.asarray(piece, dtype=float)) for piece in pieces]
    return splits


def values_of(pitches: NDArray[np.float64]) -> Ints:
    """MIDI pitches (steps, 4), NaN for silence, as values of the voices' fields."""
    silent = np.isnan(pitches)
    values: Ints = np.where(silent, SILENT, np.nan_to_num(pitches) - LOWEST + 1).astype(np.int64)
    assert ((values > 0) & (values < 2 + HIGHEST - LOWEST) | silent).all()
    return values


def homeward(piece: Ints) -> int:
    """By how many semitones a piece moves so that its likeliest key becomes C major or A minor.

    Of the two ways there, up and down, the one that brings it nearer to the usual height.
    """
    sounding = piece[piece != SILENT] - 1 + LOWEST
    key = find_key(np.bincount(sounding % 12, minlength=12).astype(float))
    tonic = 0 if key is None else (key.tonic + (0 if key.mode == "major" else 3)) % 12
    ways = [shift for shift in SHIFTS if (tonic + shift) % 12 == 0]
    return min(ways, key=lambda shift: abs(float(sounding.mean()) + shift - USUAL_HEIGHT))


def moved(piece: Ints, shift: int) -> Ints:
    """The piece `shift` semitones higher."""
    higher = piece + shift
    assert ((higher > SILENT) & (higher < 2 + HIGHEST - LOWEST) | (piece == SILENT)).all()
    return np.where(piece == SILENT, SILENT, higher)


def rows_of(pieces: Pieces) -> tuple[Tensor, ...]:
    """Rows (B, T, 2), times (B, T), links (B, T, LINKS) and which rows are scored (B, T).

    Soprano to bass of the first sixteenth, then of the next one.
    """
    longest = A_STEP * max(len(piece) for piece in pieces) + 1
    rows = np.zeros((len(pieces), longest, 2), dtype=np.int64)
    for example, piece in zip(rows, pieces, strict=True):
        pitches = piece.size
        example[0, 0] = START
        example[1 : 1 + pitches, 0] = FIRST_PITCH + np.arange(pitches) % (A_STEP * STEPS_A_BEAT)
        example[1 : 1 + pitches, 1] = piece.ravel()
    number = np.arange(longest)
    links = np.full((longest, len(LINK_PLACE)), -1)
    for place, back in enumerate(SEEN_BACK):
        links[:, place] = number + 1 - back
    for place, back in enumerate(OWN_BACK):
        links[:, len(SEEN_BACK) + place] = number - back
    links[links < 1] = -1
    times = np.maximum(number - 1, 0) // A_STEP * TICKS_A_STEP
    shape = (len(pieces), longest)
    return (
        torch.from_numpy(rows),
        torch.from_numpy(np.broadcast_to(times, shape).copy()),
        torch.from_numpy(np.broadcast_to(links, (*shape, links.shape[1])).copy()),
        torch.from_numpy(rows[..., 0] >= FIRST_PITCH),
    )
