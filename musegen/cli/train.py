"""`musegen train`: a folder of MIDI files in, a checkpoint folder out."""

import os
from pathlib import Path

import click

from musegen.cli.limits import limit_options
from musegen.errors import OutputError, SettingError

LARGEST_SEED = 2**32 - 1


@click.command("train")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The checkpoint.")
@click.option("--preset", default="small", show_default=True, help="Sizes: tiny, small, medium.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings from a TOML file.")
@click.option("--set", "changes", multiple=True, help="One setting, as model.layers=6; repeatable.")
@click.option("--steps", type=int, help="Steps to train (short for --set train.steps=N).")
@click.option("--minutes", type=float, help="Train at most so long (train.minutes).")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--workers", type=int, help="Processes that read files [one per core].")
@click.option("--prepared", type=click.Path(path_type=Path), help="Where shards are kept.")
@click.option("--held-out", type=float, help="Share of pieces kept back to judge with [0.03].")
@click.option("--keep-performed", is_flag=True, help="Use music that keeps to no beat, too.")
@click.option("--title", help="What the model card calls this collection.")
@click.option("--resume", is_flag=True, help="Go on where this run was stopped.")
@click.option("--force", is_flag=True, help="Start anew although OUT holds a checkpoint.")
@click.option("--quiet", is_flag=True, help="Only warnings and the result.")
@limit_options
def command(
    folder: Path,
    out: Path,
    preset: str,
    config: Path | None,
    changes: tuple[str, ...],
    steps: int | None,
    minutes: float | None,
    device: str,
    seed: int,
    workers: int | None,
    prepared: Path | None,
    held_out: float | None,
    keep_performed: bool,
    title: str | None,
    resume: bool,
    force: bool,
    quiet: bool,
    **limits: float | None,
) -> None:
    """Train a checkpoint on FOLDER, any folder of MIDI files.

    Sub-folder names are genres; a labels.csv in FOLDER (path,genre,valence,arousal,...) wins over
    them. Files are read once and kept as shards beside the checkpoint; Ctrl-C saves, and --resume
    goes on. What is held out, kept and too large is said as to `musegen prepare`; say the same
    where its shards are to be used.

    \b
      musegen train ~/midi --out checkpoints/mine --preset tiny
      musegen train ~/midi --out checkpoints/mine --minutes 60 --set model.layers=6
    """
    from musegen.model.torched import need_torch

    need_torch("training")
    from musegen.cli.limits import settings_of
    from musegen.cli.preparing import check_workers, prepared_with_progress
    from musegen.cli.watching import TerminalObserver
    from musegen.model.compiling import compile_in_background
    from musegen.training.card import RunFacts
    from musegen.training.settings import run_settings

    if not 0 <= seed <= LARGEST_SEED:
        raise SettingError(f"seed {seed} is out of range: allowed is 0 to {LARGEST_SEED}")
    check_workers(workers)
    wanted = dict(_pair(change) for change in changes)
    if steps is not None:
        wanted["train.steps"] = str(steps)
    if minutes is not None:
        wanted["train.minutes"] = str(minutes)
    settings = run_settings(preset, config, wanted)
    out = Path(os.path.abspath(out)) if out.name in ("", "..") else out  # "." has a name, too
    _check_out(out, resume, force)

    shards = prepared or out.parent / f"{out.name}.prepared"
    taken = settings_of(limits, keep_performed, held_out)
    ready = prepared_with_progress(folder, shards, workers, quiet, taken)

    from musegen.training.loop import Trainer

    facts = RunFacts(
        title=title or f"the folder {folder.name}",
        pieces=ready.facts.pieces,
        held_out=ready.facts.held_out,
        notes=ready.facts.notes,
        licences=ready.facts.licence_counts,
        sources=ready.facts.source_counts,
        genres=ready.facts.genre_counts,
    )
    with TerminalObserver(quiet) as observer:
        trainer = Trainer(
            ready.collection, ready.genres, settings, out, observer, facts, seed, device, resume
        )
        observer.began(trainer)
        result = trainer.run()
    compile_in_background()
    if result is not None:
        click.echo(f"held-out nats per note: {result.per_note:.3f}")
    click.echo(f"checkpoint: {out}")
    click.echo(f"compose with it: musegen generate --checkpoint {out} -o first.mid")


def _pair(change: str) -> tuple[str, str]:
    name, equals, value = change.partition("=")
    if not equals:
        raise SettingError(f"--set {change}: write it as section.setting=value")
    return name.strip(), value.strip()


def _check_out(out: Path, resume: bool, force: bool) -> None:
    if resume and not (out / "training").is_dir():
        raise SettingError(f"--resume: {out} holds no run to go on with; leave --resume out")
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file; name a folder for the checkpoint")
    if not out.exists() or not any(out.iterdir()):
        return
    if not (resume or force):
        raise OutputError(
            f"{out} exists already; go on with --resume, start anew with --force, or choose "
            "another name"
        )
    if not (out / "config.json").is_file():  # what --force replaces must have been made here
        raise OutputError(f"{out} holds other files than a checkpoint; choose another name")
