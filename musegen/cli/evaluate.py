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
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Also write the report here.")
@click.option("--force", is_flag=True, help="Overwrite the report.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(checkpoint: str, prepared: Path, out: Path | None, force: bool, quiet: bool) -> None:
    """Judge CHECKPOINT on the held-out pieces of a prepared collection.

    Reports nats per note in all, by field and by genre, beside three floors computed on the same
    rows: uniform over what is legal, a unigram and a 5-gram of each field.
    """
    from musegen.cli.progress import counted
    from musegen.errors import CheckpointError, OutputError
    from musegen.model.torched import need_torch

    need_torch("judging a checkpoint")
    from musegen.corpus.shards import load_prepared
    from musegen.evaluation.likelihood import likelihood_report
    from musegen.files import write_whole
    from musegen.model.checkpoint import load_checkpoint
    from musegen.model.devices import pick_bf16

    if out is not None and out.exists() and not force:
        raise OutputError(f"{out} exists already; choose another name, or add --force")
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
    text = f"# Held-out likelihood of {Path(checkpoint).name}\n\n{report.markdown()}"
    click.echo(text)
    if out is not None:
        write_whole(out, text.encode(), force=force)
