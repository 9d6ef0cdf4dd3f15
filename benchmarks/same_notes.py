"""Are the notes the same? Composing without torch beside the plain torch path, seed by seed.

    python benchmarks/same_notes.py CHECKPOINT PREPARED [--pieces 200] [--bars 8] [--held-out 300]

Composes so many pieces with torch in float32, and the same seeds without torch: in float32 and in
int8 with the compiled kernels, in int8 with numpy as on a first run. Then takes the loss of
held-out pieces, teacher-forced through the very cache and field decoder that compose, in both.
Leaves benchmarks/results/same_notes.json and .md. Needs the compiled kernels of both precisions,
which it makes.
"""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch
from _machine import Machine, leave, markdown_table, options

from musegen.composing.composer import Composer, Composition
from musegen.corpus.batches import Batch, held_out_windows
from musegen.corpus.shards import load_prepared
from musegen.model import plain
from musegen.model.checkpoint import load_checkpoint
from musegen.model.compiling import arithmetic, compile_kernels
from musegen.model.light import LightModel
from musegen.model.stored import read_checkpoint
from musegen.tokens.controls import Controls
from musegen.tokens.fields import KINDS, LINK_PLACE, SEEN_LINKS, TABLE
from musegen.training.judge import Likelihood, summarise

PACKAGES = ("numpy", "numba", "torch")
AT_ONCE = 1 << 30  # rows of held-out pieces in a batch: the windows are of one length or another


def first_difference(one: Composition, two: Composition) -> int | None:
    """The first row in which two pieces differ."""
    if np.array_equal(one.rows, two.rows):
        return None
    shorter = min(len(one.rows), len(two.rows))
    differing = np.flatnonzero((one.rows[:shorter] != two.rows[:shorter]).any(axis=1))
    return int(differing[0]) if len(differing) else shorter


def nats_of(logits: np.ndarray, value: int) -> float:
    """Nats of one value."""
    scores = logits.astype(np.float64)
    most = scores.max()
    return float(most + np.log(np.exp(scores - most).sum()) - scores[value])


def held_out(model: LightModel, batches: list[Batch]) -> Likelihood:
    """The loss of held-out pieces, drawn field by field as composing does."""
    nats: dict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    stepper = model.stepper(1)
    seen = len(SEEN_LINKS)
    for batch in batches:
        for rows, times, links, scored in zip(
            batch.rows, batch.times, batch.links, batch.scored, strict=True
        ):
            count = int((rows[:, 0] != 0).sum())
            stepper.prefill(0, rows[:count], times[:count], links[:count, :seen])
            for place in (np.flatnonzero(scored[1:count]) + 1).tolist():
                row = rows[place].tolist()
                kind = KINDS[row[0]]
                prior, track, before = (
                    int(links[place, LINK_PLACE[n]])
                    for n in LINK_PLACE
                    if n in ("prior", "track", "before")
                )
                draw = stepper.draw(0, place - 1)
                nats["kind"] += nats_of(draw.kind_logits(), row[0])
                counts["kind"] += 1
                if not kind.drawn:
                    continue
                draw.take_kind(row[0], rows[prior].tolist() if prior >= 0 else None)
                for column, name in enumerate(kind.fields, start=1):
                    if name == kind.own_from:
                        note = rows[before].tolist() if before >= 0 else None
                        draw.take_track(track, before, note)
                    if row[column] or not TABLE.fields[name].optional:
                        key = f"{kind.name}.{name}"
                        nats[key] += nats_of(draw.field_logits(name), row[column])
                        counts[key] += 1
                    draw.take_field(name, row[column])
    return summarise(nats, counts)


def main() -> None:
    """Compare and leave the results."""
    parser = options(__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--pieces", type=int, default=200)
    parser.add_argument("--bars", type=int, default=8)
    parser.add_argument("--held-out", type=int, default=300)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    machine = Machine(PACKAGES)
    for precision in ("int8", "float32"):
        assert compile_kernels(precision)
    stored = read_checkpoint(chosen.checkpoint)
    ways = {
        "torch, float32": Composer(load_checkpoint(chosen.checkpoint)),
        "compiled, float32": Composer(LightModel(stored, "float32", arithmetic("float32"))),
        "compiled, int8": Composer(LightModel(stored, "int8", arithmetic("int8"))),
        "numpy, int8": Composer(LightModel(stored, "int8", plain)),
    }
    wishes = Controls(bars=chosen.bars)
    pieces = {name: way.compose(wishes, count=chosen.pieces) for name, way in ways.items()}
    compared = {}
    for one, two in (
        ("torch, float32", "compiled, float32"),
        ("compiled, int8", "numpy, int8"),
        ("torch, float32", "compiled, int8"),
    ):
        found = [first_difference(*pair) for pair in zip(pieces[one], pieces[two], strict=True)]
        compared[f"{one} / {two}"] = {
            "same": sum(place is None for place in found),
            "first_differences": {n: place for n, place in enumerate(found) if place is not None},
        }
    ready = load_prepared(chosen.prepared)
    judging = ready.collection.judging[: chosen.held_out].tolist()
    context = stored.config.context
    batches = list(held_out_windows(ready.collection, context, context, pieces=judging))
    losses = {
        precision: held_out(LightModel(stored, precision, arithmetic(precision)), batches)
        for precision in ("float32", "int8")
    }
    more = losses["int8"].per_note / losses["float32"].per_note - 1
    figures = {
        "music": chosen.title or chosen.prepared.name,
        "checkpoint_sha256": stored.sha256,
        "step": stored.facts.get("step"),
        "pieces": chosen.pieces,
        "bars": chosen.bars,
        "rows": sum(len(piece.rows) for piece in pieces["torch, float32"]),
        "compared": compared,
        "held_out_pieces": len(judging),
        "held_out_notes": losses["int8"].notes,
        "nats_per_note": {name: loss.per_note for name, loss in losses.items()},
        "int8_costs": more,
    }
    page = [
        "# The same notes without torch",
        f"{chosen.pieces} pieces of {chosen.bars} bars ({figures['rows']:,} rows) by a checkpoint "
        f"of {figures['step']} steps, seed by seed: a piece is the same where every row is.",
        markdown_table(
            ("", "the same", "share"),
            [
                (
                    name,
                    f"{found['same']} of {chosen.pieces}",
                    f"{found['same'] / chosen.pieces:.1%}",
                )
                for name, found in compared.items()
            ],
        ),
        f"Held-out loss over {len(judging)} pieces, {losses['int8'].notes:,} notes of "
        f"{figures['music']}, through the cache and the field decoder that compose: "
        f"{losses['float32'].per_note:.4f} nats a note in float32, {losses['int8'].per_note:.4f} "
        f"in int8 (weights and cache): {more:+.3%}.",
    ]
    leave(chosen.results, "same_notes", machine.describe(), figures, page)


if __name__ == "__main__":
    main()
