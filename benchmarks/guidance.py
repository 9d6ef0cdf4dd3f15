"""What guidance buys and what it costs: control against quality.

    python benchmarks/guidance.py CHECKPOINT PREPARED [--at 1 1.5 2 3] [--each 24] [--pieces 100]

With every strength of guidance: how learned wishes are obeyed (as `musegen evaluate --controls`),
how well compositions asked for by genre alone can be told from held-out real pieces (as `musegen
evaluate --music`), and CPU time a piece. Writes benchmarks/results/guidance.json and .md.
"""

import time
from pathlib import Path

from _machine import Machine, leave, markdown_table
from _machine import options as machine_options

from musegen.composing.composer import Composer
from musegen.corpus.shards import load_prepared
from musegen.evaluation.controls import controls_report
from musegen.evaluation.music import COMPOSED, EVERYTHING, OTHERS, compared
from musegen.evaluation.sets import composed, held_out, others
from musegen.model.sampling import Sampling

SHOWN = ("pitch_class_entropy", "scale_consistency", "groove_consistency", "repeat_1", "new_bars")


def main() -> None:
    """Measure every strength in turn."""
    parser = machine_options(__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--at", type=float, nargs="+", default=[1.0, 1.5, 2.0, 3.0])
    parser.add_argument("--each", type=int, default=24)
    parser.add_argument("--pieces", type=int, default=100)
    parser.add_argument("--bars", type=int, default=16)
    options = parser.parse_args()
    machine = Machine(["numpy", "numba", "scikit-learn"])
    collection = load_prepared(options.prepared).collection
    composer = Composer.load(options.checkpoint, much=True)
    like = held_out(collection, composer.genres, options.bars)
    more = others(collection, composer.genres, like, options.bars, 0)
    obeyed: list[list[str]] = []
    sounds: list[list[str]] = []
    figures = {}
    for strength in options.at:
        sampling = Sampling(guidance=strength)
        answers = controls_report(composer, collection, options.each, options.bars, sampling)
        started = time.process_time()
        made = composed(composer, like, options.pieces, 0, sampling)
        seconds = (time.process_time() - started) / len(made)
        report = compared(like, {COMPOSED: made, OTHERS: more}, options.bars)
        against = report.sets[COMPOSED]
        figures[f"{strength:g}"] = {
            "controls": {answer.control: answer.composed for answer in answers},
            "told_apart": against.told[EVERYTHING].value,
            "means": {name: against.means[name].value for name in SHOWN},
            "cpu_seconds_a_piece": round(seconds, 3),
        }
        names = [answer.control for answer in answers]
        obeyed.append([f"{strength:g}", *(f"{answer.composed[0]:.2f}" for answer in answers)])
        sounds.append(
            [
                f"{strength:g}",
                str(against.told[EVERYTHING]),
                *(f"{against.means[name].value:.2f}" for name in SHOWN),
                f"{seconds:.2f}",
            ]
        )
        print(obeyed[-1], sounds[-1], flush=True)
        real = ["real pieces", "", *(f"{report.real_means[name].value:.2f}" for name in SHOWN), ""]
        text = (
            f"Of each control {options.each} compositions of {options.bars} bars, obeyed as "
            "`musegen evaluate --controls` measures it; no re-ranking.\n\n"
            + markdown_table(["guidance", *names], obeyed)
            + f"\n\n{len(made)} compositions asked for by genre alone, beside held-out pieces.\n\n"
            + markdown_table(
                ["guidance", "told apart (0.5: not)", *SHOWN, "CPU-s a piece"], [*sounds, real]
            )
        )
        leave(options.results, "guidance", machine.describe(), figures, [text])


if __name__ == "__main__":
    main()
