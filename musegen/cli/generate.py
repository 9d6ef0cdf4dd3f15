"""`musegen generate`: wishes on the command line, MIDI files out."""

import json
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from musegen.cli.shipped import checkpoint_option
from musegen.cli.wishing import wish_options, wishes_of
from musegen.errors import OutputError, WishError
from musegen.tokens.controls import Controls

if TYPE_CHECKING:
    from musegen.composing.composer import Composition
    from musegen.composing.recipe import Recipe
    from musegen.model.sampling import Sampling


@click.command("generate")
@wish_options
@click.option("--seed", type=int, help="Same seed, same piece; chosen and shown if left out.")
@click.option("--count", type=int, default=1, show_default=True, help="How many variations.")
@click.option("--temperature", type=float, default=1.0, show_default=True, help="Freedom.")
@click.option("--top-k", type=int, default=0, show_default=True, help="Only the k likeliest.")
@click.option("--top-p", type=float, default=0.99, show_default=True, help="Only the likeliest.")
@click.option("--min-p", type=float, default=0.0, show_default=True, help="Drop the unlikely.")
@click.option(
    "--guidance",
    type=float,
    default=1.0,
    show_default=True,
    help="How much genre, mood, key and the like count; above 1 more, at half the speed.",
)
@click.option(
    "--balance",
    type=float,
    default=3.0,
    show_default=True,
    help="How much a track that plays less than was planned is favoured; 0: not at all.",
)
@click.option(
    "--harmony",
    type=float,
    default=0.75,
    show_default=True,
    help="By how much the temperature is multiplied for pitches; for chords half as much.",
)
@click.option(
    "--colour",
    type=float,
    default=1.5,
    show_default=True,
    help="How much pitches lean to mood and key, the last chord to its tonic; 0: not at all.",
)
@click.option(
    "--recall",
    type=float,
    default=1.0,
    show_default=True,
    help="How much a bar that is to vary an earlier one leans to its notes; 0: not at all.",
)
@click.option(
    "--heed",
    type=float,
    default=1.0,
    show_default=True,
    help="How much notes lean to density, polyphony and loudness as wished; 0: not at all.",
)
@click.option(
    "--close",
    type=float,
    default=1.0,
    show_default=True,
    help="How much the last bar leans to coming to rest; 0: not at all, as for a loop.",
)
@click.option(
    "--best-of",
    type=int,
    default=1,
    help="Compose so many and keep the one that is measured nearest to mood, key and the like.",
)
@click.option(
    "--alone",
    is_flag=True,
    help="What is not wished, the model lays out alone, not as in a piece that it learned from.",
)
@click.option(
    "--workers",
    type=int,
    help="Processes that compose when there are several pieces [one per core]; no piece changes.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="The MIDI file [musegen-SEED.mid]."
)
@click.option("--png", is_flag=True, help="Also draw the piano roll, beside the MIDI file.")
@click.option("--wav", is_flag=True, help="Also render sound, beside the MIDI file.")
@click.option("--stems", is_flag=True, help="Also one MIDI file for each track, in OUT-stems.")
@click.option("--recipe", is_flag=True, help="Also write the recipe in the file as JSON beside it.")
@click.option(
    "--humanize", type=float, default=0.0, help="Timing and velocity a little off: 0 (off) to 1."
)
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@checkpoint_option
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="cpu")
@click.option("--quiet", is_flag=True, help="Print only the names of the files.")
def command(
    seed: int | None,
    count: int,
    temperature: float,
    top_k: int,
    top_p: float,
    min_p: float,
    guidance: float,
    balance: float,
    harmony: float,
    colour: float,
    recall: float,
    heed: float,
    close: float,
    best_of: int,
    alone: bool,
    workers: int | None,
    out: Path | None,
    png: bool,
    wav: bool,
    stems: bool,
    recipe: bool,
    humanize: float,
    force: bool,
    checkpoint: str,
    device: str,
    quiet: bool,
    **told: Any,
) -> None:
    """Compose pieces with a checkpoint.

    What is called exact is kept exactly, and so are the instruments; genre, mood, key and the rest
    are what the model has learned. Whatever is left out, the model chooses.

    \b
      musegen generate --genre folk --mood happy --bars 32 --tempo 110 --key D -o tune.mid
      musegen generate --instruments "piano,acoustic bass,drums" --meter 3/4 --count 4
      musegen generate --form "A8 B8(sad) A8(exact)" --chords "Am F C G" --key Am --scale strict
    """
    from musegen.model.sampling import Sampling

    if not 0 <= humanize <= 1:
        raise WishError(f"humanize {humanize:g} is out of range: allowed is 0 (off) to 1")
    wishes = wishes_of(told)
    sampling = Sampling(
        temperature, top_k, top_p, min_p, guidance, balance, harmony, colour, recall, heed, close
    )
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    if seed < 0:
        raise WishError(f"seed {seed} is negative; any whole number from 0 on will do")
    extra = Extras(png, wav, stems, recipe)
    places = _places(out or Path(f"musegen-{seed}.mid"), count, extra, force)
    how = How(sampling, seed, count, best_of, alone, workers)
    pieces = _compose(wishes, how, checkpoint, device, quiet)
    for piece, place in zip(pieces, places, strict=True):
        made = replace(piece.recipe, humanize=humanize)
        _write(piece.composition, made, place, extra, force, quiet)


MUCH = 4
"""For so many pieces it pays to wait until machine code is there, where it is not, and to start
processes that load everything anew, where none can be forked."""

ANEW = 4
"""So many of these at most, unless more are asked for: each takes 250 MB of its own."""


class Extras(NamedTuple):
    """What is written beside each piece."""

    png: bool
    wav: bool
    stems: bool
    recipe: bool

    def beside(self, place: Path) -> dict[str, Path]:
        """Where each of them goes that is wanted."""
        names = {
            "png": place.with_suffix(".png"),
            "wav": place.with_suffix(".wav"),
            "stems": place.with_name(f"{place.stem}-stems"),
            "recipe": place.with_suffix(".json"),
        }
        return {kind: path for kind, path in names.items() if getattr(self, kind)}


class How(NamedTuple):
    """How pieces are composed, whatever is wished: of each `each` the nearest is kept."""

    sampling: "Sampling"
    seed: int
    pieces: int
    each: int
    alone: bool
    workers: int | None


class Made(NamedTuple):
    """A piece and what makes it again."""

    composition: "Composition"
    recipe: "Recipe"


def _places(out: Path, count: int, extra: Extras, force: bool) -> list[Path]:
    """Where each piece goes; refuses before composing what could not be written after it."""
    if count < 1:
        raise WishError(f"count {count} is too small: at least one piece")
    if out.name in ("", ".."):
        raise OutputError(f"{out} is a folder; name a file, such as {out / 'tune.mid'}")
    if out.suffix.lower() not in (".mid", ".midi"):
        out = out.with_name(out.name + ".mid")
    places = [out.with_stem(f"{out.stem}-{n + 1}") for n in range(count)] if count > 1 else [out]
    for place in places:
        for file in (place, *extra.beside(place).values()):
            if file.exists() and not force:
                raise OutputError(f"{file} exists already; choose another name, or add --force")
    if not out.parent.is_dir():
        raise OutputError(f"the folder {out.parent} does not exist; make it first")
    return places


def _compose(wishes: Controls, how: How, checkpoint: str, device: str, quiet: bool) -> list[Made]:
    from musegen.cli.progress import bars_progress
    from musegen.compiled import without_scipy
    from musegen.composing.composer import Composer
    from musegen.composing.crew import FORKS
    from musegen.composing.nearest import best_of
    from musegen.composing.recipe import Recipe
    from musegen.corpus.guarded import cores
    from musegen.model.compiling import compile_in_background
    from musegen.model.loading import composing_device

    sampling, seed, pieces_wanted, each, alone, workers = how
    if not 1 <= each <= 100:
        raise WishError(f"best-of {each} is out of range: allowed is 1 to 100")
    together = pieces_wanted * each
    if workers is None and not FORKS and together >= MUCH:
        workers = min(cores(), ANEW)
    with without_scipy():
        composer = Composer.load(checkpoint, composing_device(device), much=together >= MUCH)
    compile_in_background()
    with bars_progress(together, quiet) as watch:
        pieces = composer.compose(wishes, sampling, seed, together, watch, alone, workers)
    if each > 1:
        pieces = best_of(pieces, wishes, each)
    name = Path(checkpoint).resolve().name
    return [
        Made(
            piece,
            Recipe.of(composer, name, piece, together, wishes, sampling, best_of=each, alone=alone),
        )
        for piece in pieces
    ]


def _write(
    piece: "Composition", recipe: "Recipe", place: Path, extra: Extras, force: bool, quiet: bool
) -> None:
    from musegen.composing.recipe import composed_file, finished
    from musegen.files import write_whole

    score, content = finished(piece, recipe), composed_file(piece, recipe)
    write_whole(place, content, force=force)
    click.echo(str(place))
    beside = extra.beside(place)
    if "png" in beside:
        from musegen.render.pianoroll import save_pianoroll

        plan = piece.controls
        save_pianoroll(
            score,
            beside["png"],
            title=place.stem,
            genre=plan.genre or "",
            chords=plan.chords,
            sections=plan.sections,
            force=force,
        )
        click.echo(str(beside["png"]))
    if "wav" in beside:
        from musegen.render.audio import render_wav

        recording = render_wav(content, beside["wav"], force=force)
        click.echo(str(beside["wav"]) + ("" if quiet else f"  ({recording.route})"))
    if "stems" in beside:
        from musegen.music.stems import write_stems

        files = write_stems(score, beside["stems"], force=force, texts=recipe.texts()[:1])
        click.echo(str(beside["stems"]) + ("" if quiet else f"  ({len(files)} files)"))
    if "recipe" in beside:
        text = json.dumps(recipe.as_json(), indent=2, ensure_ascii=False) + "\n"
        write_whole(beside["recipe"], text.encode(), force=force)
        click.echo(str(beside["recipe"]))
