"""Do the fields of composed rows hang together? Instrument with pitch, drum with duration.

    python benchmarks/coherence.py CHECKPOINT PREPARED [--pieces 20] [--bars 16]

For every instrument, the pitches between which 98 of 100 training notes lie, and for every drum the
durations; then the share of notes inside, in compositions (one for each genre in turn), in real
held-out pieces (the ceiling), and in the same compositions with their pitches, or the durations of
their drums, dealt out anew among all notes (the floor). Also the share of notes inside the range
that the piece's own TRACK row promised. Writes benchmarks/results/coherence.json and .md.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from _machine import Machine, leave, markdown_table
from _machine import options as machine_options
from numpy.typing import NDArray

from musegen.composing.composer import Composer
from musegen.corpus.shards import load_prepared
from musegen.tokens.controls import Controls
from musegen.tokens.fields import DRUM_BASE, NOTE, TRACK, Rows, column

INSTRUMENT, NUMBER = column(NOTE, "instrument"), column(NOTE, "number")
PITCH, DURATION = column(NOTE, "pitch"), column(NOTE, "duration")
LOW, HIGH = column(TRACK, "low"), column(TRACK, "high")
INSIDE = (1, 99)
LEAST_NOTES = 200

Ranges = Mapping[int, tuple[float, float]]


def notes_of(pieces: list[Rows]) -> Rows:
    """All NOTE rows of all pieces."""
    return np.concatenate([rows[rows[:, 0] == NOTE] for rows in pieces])


def ranges(keys: NDArray[np.int16], values: NDArray[np.int16]) -> Ranges:
    """For every key with enough notes, the range that holds 98 of 100 values."""
    found = {}
    for key in np.unique(keys).tolist():
        mine = values[keys == key]
        if len(mine) >= LEAST_NOTES:
            low, high = np.percentile(mine, INSIDE)
            found[key] = (float(low), float(high))
    return found


def inside(known: Ranges, keys: NDArray[np.int16], values: NDArray[np.int16]) -> float:
    """Share of values inside the range of their key; keys without a range count as outside."""
    nowhere = (1.0, 0.0)
    limits = np.array([known.get(key, nowhere) for key in keys.tolist()]).reshape(-1, 2)
    return float(((values >= limits[:, 0]) & (values <= limits[:, 1])).mean())


def promised(pieces: list[Rows]) -> float:
    """Share of pitched notes inside the range of their own TRACK row (in bins of four)."""
    kept = total = 0
    for rows in pieces:
        tracks = {(t[1], t[2]): (t[LOW], t[HIGH]) for t in rows[rows[:, 0] == TRACK].tolist()}
        for note in rows[rows[:, 0] == NOTE].tolist():
            low, high = tracks[note[INSTRUMENT], note[NUMBER]]
            if note[PITCH] < DRUM_BASE and low and high:
                total += 1
                kept += low - 1 <= note[PITCH] // 4 <= high - 1
    return kept / max(total, 1)


def main() -> None:
    """Compare compositions, real pieces and shuffled compositions."""
    parser = machine_options(__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--pieces", type=int, default=20)
    parser.add_argument("--bars", type=int, default=16)
    options = parser.parse_args()
    machine = Machine(["torch"])
    collection = load_prepared(options.prepared).collection
    training = collection.training
    known = notes_of([collection.rows(p) for p in training[:: max(len(training) // 2000, 1)]])
    drums = known[:, PITCH] >= DRUM_BASE
    of_pitch = ranges(known[~drums, INSTRUMENT], known[~drums, PITCH])
    of_length = ranges(known[drums, PITCH], known[drums, DURATION])

    composer = Composer.load(options.checkpoint, much=True)
    composed = [
        composer.compose(
            Controls(genre=composer.genres[n % len(composer.genres)], bars=options.bars), seed=n
        )[0].rows
        for n in range(options.pieces)
    ]
    real = [collection.rows(p) for p in collection.judging.tolist()]
    shuffled = notes_of(composed).copy()
    chance = np.random.default_rng(0)
    for drums_too in (False, True):
        where = np.flatnonzero((shuffled[:, PITCH] >= DRUM_BASE) == drums_too)
        column_dealt = DURATION if drums_too else PITCH
        shuffled[where, column_dealt] = shuffled[chance.permutation(where), column_dealt]
    rows, figures = [], {}
    for name, notes in {
        "composed": notes_of(composed),
        "real, held out": notes_of(real),
        "composed, dealt out anew": shuffled,
    }.items():
        drum = notes[:, PITCH] >= DRUM_BASE
        pitch = inside(of_pitch, notes[~drum, INSTRUMENT], notes[~drum, PITCH])
        length = inside(of_length, notes[drum, PITCH], notes[drum, DURATION])
        figures[name] = {"notes": len(notes), "pitch": pitch, "drum_duration": length}
        rows.append([name, f"{len(notes):,}", f"{pitch:.3f}", f"{length:.3f}"])
    page = [
        f"{options.pieces} compositions of {options.bars} bars.",
        markdown_table(
            ["", "notes", "pitch usual for its instrument", "duration usual for its drum"], rows
        ),
        f"Composed notes inside the range that their own TRACK row promised: "
        f"{promised(composed):.3f} (real pieces: {promised(real):.3f}).",
    ]  # fmt: skip
    leave(options.results, "coherence", machine.describe(), figures, page)


if __name__ == "__main__":
    main()
