"""Is the mood that is measured the mood that people hear? Against pieces labelled by people.

    python benchmarks/mood_check.py FOLDER [--labels labels.csv]

FOLDER holds MIDI files and a CSV with the columns path and mood, where mood begins with Q1 to Q4:
the quadrant of valence and arousal that listeners put the piece in (Q1 pleasant and excited, Q2
unpleasant and excited, Q3 unpleasant and quiet, Q4 pleasant and quiet), as EMOPIA has it (Hung et
al. 2021). Nothing is fitted here: `music.mood` is only looked at. Files are taken onto the grid as
they lie, beats are not tracked. Writes benchmarks/results/mood_check.json and .md.
"""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
from _machine import Machine, leave, markdown_table
from _machine import options as machine_options
from numpy.typing import NDArray

from musegen.errors import MusegenError
from musegen.evaluation.controls import spearman
from musegen.music.mood import mood
from musegen.music.read import read_midi
from musegen.music.transform import quantise

SIGNS = {"Q1": (1, 1), "Q2": (-1, 1), "Q3": (-1, -1), "Q4": (1, -1)}
DRAWS = 1000


def judged(folder: Path, labels: Path) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """Valence and arousal measured (N, 2), the signs that people gave (N, 2), how many failed."""
    points, signs, failed = [], [], 0
    with labels.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            try:
                score, _ = quantise(read_midi(folder / line["path"]))
                points.append(mood(score))
            except MusegenError:
                failed += 1
                continue
            signs.append(SIGNS[line["mood"][:2]])
    return np.array(points), np.array(signs), failed


def interval(values: NDArray[np.float64], measure: object) -> str:
    """A measure of the columns of `values`, with the ends of its 95 % bootstrap interval."""
    assert callable(measure)
    chance = np.random.default_rng(0)
    drawn = [measure(values[chance.integers(len(values), size=len(values))]) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{measure(values):.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Judge every labelled piece and leave the tables."""
    parser = machine_options(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", type=Path)
    options = parser.parse_args()
    machine = Machine(["symusic"])
    labels = options.labels or next(options.folder.glob("*.csv"))
    points, signs, failed = judged(options.folder, labels)
    both = np.concatenate([points, signs], axis=1).astype(float)
    middle = np.median(points, axis=0)
    centred = np.concatenate([points - middle, signs], axis=1)

    def right(columns: NDArray[np.float64]) -> float:
        return float(((columns[:, :2] >= 0) == (columns[:, 2:] > 0)).all(axis=1).mean())

    def side(columns: NDArray[np.float64], axis: int) -> float:
        return float(((columns[:, axis] >= 0) == (columns[:, 2 + axis] > 0)).mean())

    rows = [
        ["valence, rank correlation with the sign that people gave",
         interval(both, lambda c: spearman(c[:, 0], c[:, 2]))],
        ["arousal, the same", interval(both, lambda c: spearman(c[:, 1], c[:, 3]))],
        ["valence of the right sign", interval(both, lambda c: side(c, 0))],
        ["arousal of the right sign", interval(both, lambda c: side(c, 1))],
        ["right quadrant (chance 0.25)", interval(both, right)],
        ["right quadrant, measured from these pieces' median", interval(centred, right)],
    ]  # fmt: skip
    names = {sign: name for name, sign in SIGNS.items()}
    heard = Counter(
        (names[tuple(s)], names[1 if v >= 0 else -1, 1 if a >= 0 else -1])
        for s, (v, a) in zip(signs.tolist(), points.tolist(), strict=True)
    )
    table = [[told, *(heard[told, name] for name in SIGNS)] for told in SIGNS]
    figures = {"pieces": len(points), "failed": failed, "rows": rows, "confusion": table}
    page = [
        f"{options.title or 'pieces labelled by people'}: {len(points):,} pieces, {failed} could "
        "not be read. The largest rank correlation that a sign allows is 0.87.",
        markdown_table(["measure", "value (95 %)"], rows),
        markdown_table(["people say", *(f"measured {name}" for name in SIGNS)], table),
    ]
    leave(options.results, "mood_check", machine.describe(), figures, page)


if __name__ == "__main__":
    main()
