"""Several variations at once: notes a second on the clock, by the number of processes.

    python benchmarks/several_pieces.py CHECKPOINT [--variations 8] [--bars 32] [--rounds 3]

One piece after another, then so many side by side in this process, then in as many processes as
there are cores and in every power of two below. What is counted is the clock, so the machine must
be idle: the page says how busy it was. Leaves benchmarks/results/several_pieces.json and .md.
"""

from functools import partial
from pathlib import Path

from _machine import Machine, clocked, leave, markdown_table, median, options

from musegen.composing.composer import Composer
from musegen.corpus.guarded import cores
from musegen.model.compiling import compile_kernels
from musegen.tokens.controls import Controls

PACKAGES = ("numpy", "numba")


def notes(composer: Composer, bars: int, seed: int, count: int, workers: int) -> int:
    """The notes of so many pieces."""
    pieces = composer.compose(Controls(bars=bars), seed=seed, count=count, workers=workers)
    return sum(piece.score.note_count for piece in pieces)


def one_by_one(composer: Composer, bars: int, seed: int, count: int) -> int:
    """The notes of as many pieces, each begun when the one before was finished."""
    return sum(notes(composer, bars, seed + number, 1, 1) for number in range(count))


def main() -> None:
    """Measure and leave the results."""
    parser = options(__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--variations", type=int, default=8)
    parser.add_argument("--bars", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    machine = Machine(PACKAGES)
    assert compile_kernels()
    composer = Composer.load(chosen.checkpoint)
    notes(composer, 2, 0, 1, 1)
    count, bars = chosen.variations, chosen.bars
    several = [2**power for power in range(cores().bit_length()) if 2**power < cores()]
    ways = {"one after another": partial(one_by_one, composer, bars, count=count)}
    for workers in [*several, cores()]:
        name = "side by side" if workers == 1 else f"in {workers} processes"
        ways[name] = partial(notes, composer, bars, count=count, workers=workers)
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for seed in range(chosen.rounds):
        for name, way in ways.items():
            made, spent = clocked(partial(way, seed=seed))
            speeds[name].append(made / spent.wall_s)
    one = median(speeds["one after another"])
    page = [
        "# Several variations at once",
        f"{count} pieces of {bars} bars, nothing else asked for; notes a second on the clock, "
        f"median of {chosen.rounds} rounds in turn. Each piece is the same however it is composed.",
        markdown_table(
            ("", "notes/s", "x one"),
            [(name, f"{median(s):,.0f}", f"{median(s) / one:.2f}") for name, s in speeds.items()],
        ),
    ]
    figures = {
        "checkpoint_sha256": composer.checkpoint.sha256,
        "variations": count,
        "bars": bars,
        "notes_per_second": speeds,
    }
    leave(chosen.results, "several_pieces", machine.describe(), figures, page)


if __name__ == "__main__":
    main()
