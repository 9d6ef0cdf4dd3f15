"""`musegen evaluate`: how well a checkpoint foretells held-out music, beside floors."""

from pathlib import Path

import click

from musegen.cli.generate import DEFAULT_CHECKPOINT


@click.command("evaluate")
@click.argument("checkpoint", default=DEFAULT_CHECKPOINT)
@click.option(
    "--prepared",
    required=True,
    type=click.Path(path_type=Path),
    help="The prepared folder that the checkpoint was trained from (OUT.prepared).",
)
@click.option(
    "--controls", is_flag=True, help="Judge how well learned wishes are obeyed, by compositions."
)
@click.option("--each", type=click.IntRange(2), default=40, help="Compositions for each control.")
@click.option("--guidance", type=float, default=1.0, help="For --controls, as in generate.")
@click.option(
    "--png", type=click.Path(path_type=Path), help="For --controls: asked against measured, drawn."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Also write the report here.")
@click.option("--force", is_flag=True, help="Overwrite the report.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(
    checkpoint: str,
    prepared: Path,
    controls: bool,
    each: int,
    guidance: float,
    png: Path | None,
    out: Path | None,
    force: bool,
    quiet: bool,
) -> None:
    """Judge CHECKPOINT on the held-out pieces of a prepared collection.

    Reports nats per note in all, by field and by genre, beside three floors computed on the same
    rows: uniform over what is legal, a unigram and a 5-gram of each field. With --controls: for
    every learned wish, what was asked for against what is measured in compositions.
    """
    from musegen.errors import OutputError
    from musegen.files import write_whole
    from musegen.model.torched import need_torch

    for file in (out, png):
        if file is not None and file.exists() and not force:
            raise OutputError(f"{file} exists already; choose another name, or add --force")
    if controls:
        text = _controls(checkpoint, prepared, each, guidance, png, force, quiet)
    else:
        need_torch("judging a checkpoint")
        text = _likelihood(checkpoint, prepared, quiet)
    click.echo(text)
    if out is not None:
        write_whole(out, text.encode(), force=force)


def _likelihood(checkpoint: str, prepared: Path, quiet: bool) -> str:
    from musegen.cli.progress import counted
    from musegen.corpus.shards import load_prepared
    from musegen.errors import CheckpointError
    from musegen.evaluation.likelihood import likelihood_report
    from musegen.model.checkpoint import load_checkpoint
    from musegen.model.devices import pick_bf16

    ready = load_prepared(prepared)
    loaded = load_checkpoint(checkpoint)
    if tuple(ready.genres) != loaded.genres:
        raise CheckpointError(
            f"{checkpoint} knows other genres than {prepared}; judge it on the collection that it "
            "was trained from"
        )
    with counted("judging", quiet) as show:
        report = likelihood_report(
            loaded.model, ready.collection, loaded.genres, pick_bf16("auto", "cpu"), progress=show
        )
    return f"# Held-out likelihood of {Path(checkpoint).name}\n\n{report.markdown()}"


def _controls(
    checkpoint: str,
    prepared: Path,
    each: int,
    guidance: float,
    png: Path | None,
    force: bool,
    quiet: bool,
) -> str:
    from musegen.cli.progress import counted
    from musegen.composing.composer import Composer
    from musegen.corpus.shards import load_prepared
    from musegen.evaluation.controls import controls_page, controls_report
    from musegen.model.sampling import Sampling

    collection = load_prepared(prepared).collection
    composer = Composer.load(checkpoint)
    with counted("composing", quiet) as show:
        answers = controls_report(
            composer, collection, each, sampling=Sampling(guidance=guidance), progress=show
        )
    if png is not None:
        from musegen.render.charts import draw_answers, save_chart

        numbers = [(a.control, a.asked, a.heard) for a in answers if len(a.asked)]
        save_chart(draw_answers(numbers), png, force)
    return (
        f"# How {Path(checkpoint).name} obeys what it has learned\n\n"
        f"{each} compositions of 16 bars for each control, guidance {guidance:g}, no re-ranking; "
        f"real pieces: {len(collection.judging)} held out, their first 16 bars against the whole."
        f"\n\n{controls_page(answers)}\n"
    )
