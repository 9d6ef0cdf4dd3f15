"""From what was typed to a run that can begin: settings, music, weights, and who watches."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen.errors import OutputError, SettingError

if TYPE_CHECKING:
    from musegen.corpus.collection import Collection
    from musegen.corpus.reading import PrepareSettings
    from musegen.corpus.shards import Prepared
    from musegen.training.card import RunFacts
    from musegen.training.settings import RunSettings
    from musegen.training.state import State
    from musegen.training.team import Team
    from musegen.training.tuning import Base

LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Asked:
    """What was typed, as far as it decides what is trained."""

    out: Path
    preset: str | None
    config: Path | None
    changes: Mapping[str, str]
    seed: int | None
    resume: bool
    base: Path | None


@dataclass(frozen=True)
class Beginning:
    """Where a run begins: its settings and seed, the checkpoint or the state it goes on from."""

    settings: "RunSettings"
    seed: int
    base: "Base | None"
    earlier: "State | None"

    @property
    def tunes(self) -> bool:
        """Whether a checkpoint is fine-tuned."""
        return self.base is not None or bool(self.earlier and self.earlier.about["base"])

    @property
    def held_out(self) -> float | None:
        """The share of pieces that is held out where nobody says: of a small collection more."""
        from musegen.training.tuning import HELD_OUT_SHARE

        return HELD_OUT_SHARE if self.tunes else None


def beginning(asked: Asked) -> Beginning:
    """Where the run begins. Raises SettingError where what was typed contradicts itself."""
    from musegen.training.settings import from_dict, run_settings
    from musegen.training.tuning import read_base, tuning_settings

    if asked.seed is not None and not 0 <= asked.seed <= LARGEST_SEED:
        raise SettingError(f"seed {asked.seed} is out of range: allowed is 0 to {LARGEST_SEED}")
    if asked.resume:
        from musegen.training.keeping import newest_state

        state = newest_state(asked.out, lambda complaint: None)  # the run itself will say it
        if asked.base is not None:
            raise SettingError("--resume goes on with a run, --from begins one: choose one of them")
        run = from_dict(run_settings(asked.preset or "small"), state.about["settings"], "the run")
        settings = run_settings(run, asked.config, asked.changes)
        seed = state.about["seed"] if asked.seed is None else asked.seed
        return Beginning(settings, seed, None, state)
    if asked.base is None:
        settings = run_settings(asked.preset or "small", asked.config, asked.changes)
        return Beginning(settings, asked.seed or 0, None, None)
    if asked.preset is not None:
        raise SettingError("--from keeps the sizes of its checkpoint: leave --preset out")
    base = read_base(asked.base)
    settings = run_settings(tuning_settings(base.config), asked.config, asked.changes)
    if settings.model != base.config:
        settings = replace(settings, model=base.config)
        if any(name.startswith("model.") for name in asked.changes):
            raise SettingError("--from keeps the sizes of its checkpoint: change no model. setting")
    return Beginning(settings, asked.seed or 0, base, None)


def music(
    folder: Path,
    shards: Path,
    settings: "PrepareSettings",
    workers: int | None,
    quiet: bool,
    together: "Team",
) -> "Prepared":
    """`folder`, prepared by the first process of the team; one that is prepared as it is."""
    from musegen.cli.preparing import prepared_with_progress
    from musegen.corpus.shards import is_prepared, load_prepared

    if is_prepared(folder):
        return load_prepared(folder)
    if together.first:
        ready = prepared_with_progress(folder, shards, workers, quiet, settings)
    together.wait()
    return ready if together.first else load_prepared(shards)


def numbered(ready: "Prepared", begin: Beginning) -> "tuple[Collection, tuple[str, ...]]":
    """The music with its genres numbered as the run numbers them, and the names of them all."""
    from musegen.corpus.collection import renumbered
    from musegen.training.tuning import with_new_genres

    genres = tuple(ready.genres)
    if begin.earlier is not None and set(genres) <= set(begin.earlier.about["genres"]):
        genres = tuple(begin.earlier.about["genres"])
    elif begin.base is not None:
        genres = with_new_genres(begin.base.genres, genres)
    return renumbered(ready.collection, ready.genres, genres), genres


def run_facts(ready: "Prepared", title: str) -> "RunFacts":
    """What is known of the music, for the card and the report."""
    from musegen.training.card import RunFacts

    facts = ready.facts
    return RunFacts(
        title=title,
        pieces=facts.pieces,
        held_out=facts.held_out,
        notes=facts.notes,
        licences=facts.licence_counts,
        sources=facts.source_counts,
        genres=facts.genre_counts,
    )


def changes_of(
    changes: tuple[str, ...], steps: int | None, minutes: float | None, patience: int | None
) -> dict[str, str]:
    """Single settings by name, the short options among them."""
    wanted = dict(_pair(change) for change in changes)
    for name, value in (("steps", steps), ("minutes", minutes), ("patience", patience)):
        if value is not None:
            wanted[f"train.{name}"] = str(value)
    return wanted


def _pair(change: str) -> tuple[str, str]:
    name, equals, value = change.partition("=")
    if not equals:
        raise SettingError(f"--set {change}: write it as section.setting=value")
    return name.strip(), value.strip()


def check_out(out: Path, resume: bool, force: bool) -> None:
    """`out` can hold the run: OutputError or SettingError where it must not."""
    from musegen.training.keeping import has_state

    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file; name a folder for the checkpoint")
    if resume and not has_state(out):
        raise SettingError(f"--resume: {out} holds no run to go on with; leave --resume out")
    if not out.exists() or not any(out.iterdir()):
        return
    if not (resume or force):
        raise OutputError(
            f"{out} exists already; go on with --resume, start anew with --force, or choose "
            "another name"
        )
    if not (out / "config.json").is_file():  # what --force replaces must have been made here
        raise OutputError(f"{out} holds other files than a checkpoint; choose another name")
