"""Are exact wishes exact? Random wishes of every kind, composed, and checked without the grammar.

    python benchmarks/exact_wishes.py [--checkpoint checkpoints/small] [--pieces 1000] [--bars 8]

Half of the pieces are composed by a small model with random weights, which wants nothing and is
stopped by nothing but the grammar, half by the checkpoint. `musegen.evaluation.exact` says what a
piece breaks. Writes benchmarks/results/exact_wishes.json and .md.
"""

import argparse
import random
from collections import Counter
from pathlib import Path

import torch
from _machine import Machine, leave, markdown_table
from _machine import options as machine_options

from musegen.composing.composer import Composer, told
from musegen.evaluation.exact import broken_wishes
from musegen.evaluation.wishing import random_wishes
from musegen.model.checkpoint import Checkpoint
from musegen.model.config import ModelConfig
from musegen.model.transformer import MusicModel
from musegen.music.lint.points import POINTS, lint
from musegen.music.write import midi_bytes
from musegen.tokens.controls import Controls
from musegen.tokens.fields import NOTE, TABLE

SIZES = ModelConfig(layers=2, width=32, heads=2, hidden=64, context=512, field_width=32)


def main() -> None:
    """Compose, check, report."""
    options = _options()
    machine = Machine(["numpy", "torch"])
    torch.manual_seed(0)
    model = MusicModel(TABLE, SIZES)
    with torch.no_grad():
        model.decoder.kind_bias[NOTE] += 3  # else it writes a few notes and ends
    random_weights = Composer(Checkpoint(model, (), ""))
    composers = {
        "random weights": random_weights,
        options.checkpoint.name: Composer.load(options.checkpoint, much=True),
    }
    wished: Counter[str] = Counter()
    table, figures = [], {}
    for name, composer in composers.items():
        chance = random.Random(options.seed)
        broken: Counter[str] = Counter()
        notes = points = 0
        pieces = options.pieces // len(composers)
        for number in range(pieces):
            wishes = random_wishes(chance, composer.genres, options.bars)
            (piece,) = composer.compose(wishes, seed=number)
            bare = told(wishes)
            for reason in broken_wishes(piece.score, bare):
                broken[reason] += 1
                print(f"{name} {number}: {reason}")
            wished.update(_kinds(wishes))
            notes += piece.score.note_count
            points += lint(midi_bytes(piece.score)).passed == len(POINTS)
        table.append([name, pieces, notes, sum(broken.values()), points])
        figures[name] = {"pieces": pieces, "notes": notes, "broken": dict(broken), "lint": points}
    text = (
        f"Random wishes, pieces of up to {options.bars} bars.\n\n"
        + markdown_table(["composed by", "pieces", "notes", "broken wishes", "15 of 15"], table)
        + "\n\nWished, of all pieces: "
        + ", ".join(f"{kind} {count}" for kind, count in wished.most_common())
        + "."
    )
    leave(options.results, "exact_wishes", machine.describe(), figures, [text])


def _kinds(wishes: Controls) -> list[str]:
    kinds = list(wishes.wished)
    if any(track.span for track in wishes.tracks):
        kinds.append("range of an instrument")
    if any(track.max_polyphony for track in wishes.tracks):
        kinds.append("cap of an instrument")
    if any(section.repeat == "exact" for section in wishes.sections):
        kinds.append("exact repeat")
    if any(section.instruments for section in wishes.sections):
        kinds.append("instruments by section")
    return kinds


def _options() -> argparse.Namespace:
    parser = machine_options(__doc__)
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/small"))
    parser.add_argument("--pieces", type=int, default=1000)
    parser.add_argument("--bars", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
