"""`musegen train`: a folder of MIDI files in, a checkpoint folder out."""

import os
from pathlib import Path

import click

from musegen.cli.limits import limit_options


@click.command("train")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The checkpoint.")
@click.option("--preset", help="Sizes: tiny, small, medium.  [default: small]")
@click.option("--from", "base", type=click.Path(path_type=Path), help="Fine-tune this checkpoint.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings from a TOML file.")
@click.option("--set", "changes", multiple=True, help="One setting, as model.layers=6; repeatable.")
@click.option("--steps", type=int, help="Steps to train (short for --set train.steps=N).")
@click.option("--minutes", type=float, help="Train at most so long (train.minutes).")
@click.option(
    "--patience", type=int, help="Stop after so many judgements without a better one; 0: never."
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto")
@click.option("--seed", type=int, help="All chance comes from it.  [default: 0]")
@click.option("--workers", type=int, help="Processes that read files [one per core].")
@click.option("--prepared", type=click.Path(path_type=Path), help="Where shards are kept.")
@click.option("--held-out", type=float, help="Share of pieces kept back to judge with [0.03].")
@click.option("--keep-performed", is_flag=True, help="Use music that keeps to no beat, too.")
@click.option("--title", help="What the model card calls this collection.")
@click.option("--tensorboard", type=click.Path(path_type=Path), help="Curves for TensorBoard, too.")
@click.option("--no-report", is_flag=True, help="No report.html at the end.")
@click.option("--resume", is_flag=True, help="Go on where this run was stopped.")
@click.option("--force", is_flag=True, help="Start anew although OUT holds a checkpoint.")
@click.option("--quiet", is_flag=True, help="Only warnings and the result.")
@limit_options
def command(
    folder: Path,
    out: Path,
    preset: str | None,
    base: Path | None,
    config: Path | None,
    changes: tuple[str, ...],
    steps: int | None,
    minutes: float | None,
    patience: int | None,
    device: str,
    seed: int | None,
    workers: int | None,
    prepared: Path | None,
    held_out: float | None,
    keep_performed: bool,
    title: str | None,
    tensorboard: Path | None,
    no_report: bool,
    resume: bool,
    force: bool,
    quiet: bool,
    **limits: float | None,
) -> None:
    """Train a checkpoint on FOLDER, any folder of MIDI files (or one that is prepared).

    Sub-folder names are genres; a labels.csv in FOLDER (path,genre,valence,arousal,...) wins over
    them. Files are read once and kept as shards beside the checkpoint; Ctrl-C saves, and --resume
    goes on. With --from a checkpoint that is there goes on learning: twenty files and some minutes
    are enough for a verdict. What is held out, kept and too
    large is said as to `musegen prepare`; say the same where its shards are to be used.

    \b
      musegen train ~/midi --out checkpoints/mine --preset tiny
      musegen train ~/midi --out checkpoints/mine --minutes 60 --set model.layers=6
      musegen train ~/twenty-files --out checkpoints/like-them --from checkpoints/small
    """
    from musegen.model.torched import need_torch

    need_torch("training")
    from musegen.cli.limits import settings_of
    from musegen.cli.preparing import workers_asked
    from musegen.cli.running import Asked, beginning, changes_of, check_out
    from musegen.training.team import team

    workers_asked(workers)
    out = Path(os.path.abspath(out)) if out.name in ("", "..") else out  # "." has a name, too
    wanted = changes_of(changes, steps, minutes, patience)
    asked = Asked(out, preset, config, wanted, seed, resume, base)
    if not resume:  # what is typed wrong is said before anything is looked at
        begin = beginning(asked)
    check_out(out, resume, force)
    if resume:
        begin = beginning(asked)

    from musegen.cli.running import music, numbered, run_facts
    from musegen.cli.watching import watching
    from musegen.model.compiling import compile_in_background
    from musegen.training.loop import RunOrigin, Trainer

    held_out = begin.held_out if held_out is None else held_out
    taken = settings_of(limits, keep_performed, held_out)
    with team() as together:
        quiet = quiet or not together.first
        shards = prepared or out.parent / f"{out.name}.prepared"
        ready = music(folder, shards, taken, workers, quiet, together)
        collection, genres = numbered(ready, begin)
        origin = RunOrigin(ready.facts.inputs)
        if begin.base is not None:
            weights = begin.base.weights(genres)
            origin = RunOrigin(ready.facts.inputs, begin.base.origin, weights)
        elif begin.earlier is not None:
            origin = RunOrigin(ready.facts.inputs, begin.earlier.about["base"])
        facts = run_facts(ready, title or f"the folder {folder.name}")
        with watching(quiet, tensorboard if together.first else None) as observer:
            trainer = Trainer(
                collection, genres, begin.settings, out, observer, facts, begin.seed, device,
                resume, together, origin,
            )  # fmt: skip
            observer.began(trainer)
            result = trainer.run()
    if not together.first:
        return
    compile_in_background()
    if result is not None:
        click.echo(f"held-out nats per note: {result.per_note:.3f}")
    click.echo(f"checkpoint: {out}")
    if not no_report:
        from musegen.cli.reporting import report_run

        report_run(trainer, ready, quiet)
    click.echo(f"compose with it: musegen generate --checkpoint {out} -o first.mid")
