"""Do genre labels act? A classifier of real pieces is asked what compositions sound like.

    python benchmarks/labels_act.py CHECKPOINT PREPARED [--each 10] [--bars 16]

A random forest is trained on measured features of real pieces that the model never saw (the
held-out ones, and in a second row real training pieces, of which there are more), cut to the same
number of bars. It then judges compositions asked for by genre alone, and, as the ceiling, real
held-out pieces of the same genres. Every piece passes through the same rows. Writes
benchmarks/results/labels_act.json and .md.
"""

from pathlib import Path

import numpy as np
from _machine import Machine, leave, markdown_table
from _machine import options as machine_options
from numpy.typing import NDArray

from musegen.composing.composer import Composer
from musegen.corpus.collection import Collection
from musegen.corpus.shards import load_prepared
from musegen.evaluation.hearing import GenreJudge, heard_as, told_right
from musegen.model.sampling import Sampling
from musegen.music.score import Score
from musegen.music.timing import bar_lines
from musegen.music.transform import trim
from musegen.tokens.codec import decode
from musegen.tokens.controls import Controls

GENRES = (
    "folk", "baroque-chorale", "pop", "classical", "jazz", "rock", "electronic", "latin", "metal",
    "reggae", "hip-hop", "waltz",
)  # fmt: skip


def real(
    collection: Collection, pieces: NDArray[np.int64], names: tuple[str, ...], bars: int, most: int
) -> list[tuple[str, Score]]:
    """The first bars of at most `most` real pieces of each genre, evenly spread."""
    taken = []
    for genre in GENRES:
        found = pieces[collection.genre[pieces] == names.index(genre) + 1]
        spread = np.linspace(0, len(found) - 1, min(most, len(found))).astype(int)
        for piece in found[spread].tolist():
            score, _ = decode(collection.rows(piece), names)
            taken.append(
                (genre, trim(score, 0, bars) if len(bar_lines(score)) > bars + 1 else score)
            )
    return taken


def main() -> None:
    """Judge compositions of every genre."""
    parser = machine_options(__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--bars", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--guidance", type=float, default=1.0)
    options = parser.parse_args()
    machine = Machine(["torch", "scikit-learn"])
    ready = load_prepared(options.prepared)
    collection, names = ready.collection, tuple(ready.genres)
    kept = real(collection, collection.judging, names, options.bars, 60)
    seen = real(collection, collection.training, names, options.bars, 120)

    composer = Composer.load(options.checkpoint, much=True)
    composed, asked = [], []
    sampling = Sampling(guidance=options.guidance)
    for place, genre in enumerate(GENRES):
        wishes = Controls(genre=genre, bars=options.bars)
        seed = options.seed + 1000 * place
        for piece in composer.compose(wishes, sampling, seed, count=options.each):
            composed.append(piece.score)
            asked.append(genre)
    judges: dict[str, object] = {}
    rows = []
    for name, known in {"held-out pieces": kept, "training pieces": seen}.items():
        judge = GenreJudge.of(known, least=1)
        assert judge is not None, f"the {name} are not of two genres"
        heard = judge.hear(composed)
        true = [genre for genre, _ in kept]
        # the ceiling must not be judged by trees that learned the same pieces
        ceiling = (
            judge.ceiling
            if known is kept
            else told_right(judge.hear([score for _, score in kept]), true)
        )
        confusion = heard_as(heard, asked)
        judges[name] = {
            "composed": told_right(heard, asked), "real": ceiling, "heard_as": confusion,
        }  # fmt: skip
        rows.append([name, len(known), f"{told_right(heard, asked):.2f}", f"{ceiling:.2f}"])
    chance = 1 / len(set(true))
    text = (
        f"Compositions of {options.bars} bars, {options.each} of each of {len(GENRES)} genres, "
        f"asked for by genre alone; chance is {chance:.2f}. Accuracy is the mean over genres.\n\n"
        + markdown_table(
            ["judge trained on", "its pieces", "compositions heard as asked", "real held-out"], rows
        )
        + "\n\nHeard as (judge trained on training pieces):\n\n"
        + markdown_table(
            ["asked", "heard"],
            [
                [genre, ", ".join(f"{name} {n}" for name, n in heard.items())]
                for genre, heard in confusion.items()
            ],
        )
    )
    figures = {"each": options.each, "bars": options.bars, "judges": judges}
    name = "labels_act" if options.guidance == 1 else f"labels_act_guided_{options.guidance:g}"
    leave(options.results, name, machine.describe(), figures, [text])


if __name__ == "__main__":
    main()
