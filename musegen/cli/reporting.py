"""The end of a run: its report as a page, and the verdict on the terminal."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from musegen.cli.progress import console
from musegen.files import write_whole

if TYPE_CHECKING:
    from musegen.corpus.shards import Prepared
    from musegen.evaluation.closing import Outcome
    from musegen.render.run_page import RunStory
    from musegen.training.loop import Trainer


def report_run(trainer: "Trainer", ready: "Prepared", quiet: bool) -> None:
    """`report.html` lies in the run's folder; where a checkpoint was tuned, the verdict is said."""
    from musegen.evaluation.closing import outcome
    from musegen.render.run_page import run_page
    from musegen.training.keeping import REPORT

    if not quiet:
        console.print("composing samples for the report")
    history = trainer.progress.history
    tuned = bool(trainer.origin.base)
    before = history[0]["held_out_nats_per_note"] if tuned and history else None
    names = [piece.path for piece in ready.pieces()]
    found = outcome(
        trainer.out, trainer.collection, trainer.genres, names, trainer.seed, before, tuned
    )
    page = run_page(story(trainer, found))
    write_whole(trainer.out / REPORT, page.encode(), force=True)
    if found.verdict is not None:
        click.echo(f"verdict: {found.verdict.word}")
        for reason in found.verdict.reasons:
            click.echo(f"  {reason}")
    click.echo(f"report: {trainer.out / REPORT}")


def story(trainer: "Trainer", found: "Outcome") -> "RunStory":
    """What the page tells of this run."""
    from musegen.evaluation.advice import advice
    from musegen.render.run_page import RunStory
    from musegen.training.keeping import RUN
    from musegen.training.metrics import read_metrics

    progress, facts, settings = trainer.progress, trainer.facts, trainer.settings
    entries = read_metrics(trainer.out / RUN)
    best = "nothing was held out"
    if progress.best is not None:
        best = f"{progress.best:.3f} held-out nats per note at step {progress.best_step:,}"
    verdict = found.verdict
    return RunStory(
        title=f"Training of {trainer.out.name}",
        summary=(
            f"{trainer.model.parameter_count():,} parameters, {progress.step:,} steps, "
            f"{progress.rows:,} rows, {progress.seconds / 60:.1f} minutes; {best}."
        ),
        curves={
            "Nats per note (lower is better)": {
                "train": list(points(entries, "train_nats_per_note")),
                "held-out": list(points(entries, "held_out_nats_per_note")),
            },
            "Learning rate": {"rate": list(points(entries, "learning_rate"))},
            "Rows per second": {"speed": list(points(entries, "rows_per_second"))},
            "Norm of the gradient": {"norm": list(points(entries, "gradient_norm"))},
        },
        samples=[
            (f"Sample {number}, seed {piece.seed}", piece.score, piece.controls)
            for number, (_, piece) in enumerate(found.samples, 1)
        ],
        tables={
            "Held-out likelihood by genre": [
                (name or "none", f"{judged.per_note:.3f} nats per note, {judged.notes:,} notes")
                for name, judged in found.by_genre.items()
            ],
            "Held-out likelihood by field": [
                (name, f"{nats:.3f} nats") for name, nats in found.by_field.items()
            ],
            "Data": [
                ("music", facts.title),
                *(("began from", str(told)) for told in [trainer.origin.base.get("name")] if told),
                ("pieces", f"{facts.pieces:,}, of which {facts.held_out:,} held out"),
                ("notes", f"{facts.notes:,}"),
                *((f"genre: {name or 'none'}", f"{n:,} pieces") for name, n in _most(facts.genres)),
                *((f"source: {name or 'none'}", f"{n:,}") for name, n in _most(facts.sources)),
            ],
            "Licences, as the labels state them": [
                (name or "not stated", f"{n:,} pieces") for name, n in _most(facts.licences)
            ],
            "Settings and seeds": [
                ("seed", str(trainer.seed)),
                ("device", f"{trainer.device}, {'bf16' if trainer.bf16 else 'fp32'}"),
                ("processes", str(trainer.team.size)),
                *_settings(settings.as_dict()),
            ],
        },
        advice=advice(settings, facts, progress, bool(trainer.origin.base)),
        verdict=None if verdict is None else (verdict.word, verdict.reasons),
    )


def points(entries: "list[dict[str, Any]]", name: str) -> Iterator[tuple[float, float]]:
    """Step and value of each entry that has this figure."""
    for entry in entries:
        if entry.get(name) is not None:
            yield float(entry["step"]), float(entry[name])


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _settings(entries: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    for name, value in entries.items():
        if isinstance(value, Mapping) and value:
            yield from _settings(value, f"{place}{name}.")
        else:
            yield f"{place}{name}", str(value)
