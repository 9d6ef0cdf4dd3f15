"""`musegen evaluate`: what a checkpoint is worth, as one report."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from musegen.cli.shipped import shipped_checkpoint

if TYPE_CHECKING:
    from musegen.render.report import Part

SAMPLES = 6
"""How many compositions the report shows, in genres that lie evenly among those it knows."""


@click.command("evaluate")
@click.argument("checkpoint", default=shipped_checkpoint)
@click.option(
    "--prepared",
    required=True,
    type=click.Path(path_type=Path),
    help="The prepared folder that the checkpoint was trained from (OUT.prepared).",
)
@click.option("--likelihood", is_flag=True, help="Only how well it foretells held-out music.")
@click.option("--music", is_flag=True, help="Only compositions beside real pieces, and form.")
@click.option("--controls", is_flag=True, help="Only how well learned wishes are obeyed.")
@click.option(
    "--pieces",
    type=click.IntRange(10),
    default=240,
    show_default=True,
    help="Compositions beside real pieces; of floors a quarter, of long ones a sixth.",
)
@click.option(
    "--bars", type=click.IntRange(9, 64), default=16, show_default=True, help="Bars of each."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--each", type=click.IntRange(2), default=40, help="Compositions for each control.")
@click.option("--guidance", type=float, default=1.0, help="In composing, as in generate.")
@click.option("--png", type=click.Path(path_type=Path), help="Asked against measured, drawn.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="NAME.html: the report is written there, and as Markdown to NAME.md. NAME.md: only that.",
)
@click.option("--force", is_flag=True, help="Overwrite the report.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(
    checkpoint: str,
    prepared: Path,
    likelihood: bool,
    music: bool,
    controls: bool,
    pieces: int,
    bars: int,
    seed: int,
    each: int,
    guidance: float,
    png: Path | None,
    out: Path | None,
    force: bool,
    quiet: bool,
) -> None:
    """Judge CHECKPOINT beside the held-out pieces of a prepared collection.

    One report: nats per note and per bar by field and genre, beside three floors; compositions
    beside real pieces, told apart by a classifier and by statistics, beside floors and a ceiling;
    form; learned wishes against what is measured; samples. --likelihood, --music and --controls
    choose parts of it. It takes about an hour on one core; fewer --pieces take less.

    \b
      musegen evaluate checkpoints/mine --prepared checkpoints/mine.prepared -o mine.html
    """
    from musegen.evaluation.comparing import need_sklearn
    from musegen.files import check_free, write_whole
    from musegen.model.torched import need_torch
    from musegen.render.report import as_markdown, as_page

    everything = not (likelihood or music or controls)
    places = _places(out)
    for file in (*places, png):
        if file is not None:
            check_free(file, force)
    if everything or likelihood:
        need_torch("judging a checkpoint")
    if everything or music or controls:
        need_sklearn()
    name = Path(checkpoint).resolve().name
    parts: list[Part] = [f"# What {name} is worth"]
    if everything or music:
        parts += _music(checkpoint, prepared, pieces, bars, seed, guidance, quiet)
    if everything or likelihood:
        parts.append(_likelihood(checkpoint, prepared, quiet))
    if everything or controls:
        parts.append(_controls(checkpoint, prepared, each, guidance, png, force, quiet))
    if everything:
        parts += _samples(checkpoint, bars, seed, quiet)
    page = next((place.name for place in places if place.suffix == ".html"), "")
    text = as_markdown(parts, page)
    click.echo(text)
    for place in places:
        content = text if place.suffix != ".html" else as_page(f"What {name} is worth", parts)
        write_whole(place, content.encode(), force=force)


def _places(out: Path | None) -> list[Path]:
    """The files that are written."""
    if out is None:
        return []
    return [out, out.with_suffix(".md")] if out.suffix == ".html" else [out]


def _music(
    checkpoint: str, prepared: Path, pieces: int, bars: int, seed: int, guidance: float, quiet: bool
) -> "list[Part]":
    from musegen.cli.progress import counted
    from musegen.composing.composer import Composer
    from musegen.corpus.shards import load_prepared
    from musegen.evaluation.form import form_report
    from musegen.evaluation.music import music_report
    from musegen.evaluation.report import form_parts, music_parts
    from musegen.model.sampling import Sampling

    ready = load_prepared(prepared)
    composer = Composer.load(checkpoint, much=True)
    _same_genres(checkpoint, composer.genres, prepared, ready.genres)
    sampling = Sampling(guidance=guidance)
    with counted("composing", quiet) as show:
        found = music_report(
            composer, ready.collection, pieces, max(pieces // 4, 2), bars, seed, sampling, show
        )
    with counted("composing longer pieces", quiet) as show:
        form = form_report(
            composer,
            ready.collection,
            found.made.pieces,
            found.real.pieces,
            max(pieces // 6, 2),
            2 * bars,
            seed,
            sampling,
            show,
        )
    return [*music_parts(found), *form_parts(form)]


def _samples(checkpoint: str, bars: int, seed: int, quiet: bool) -> "list[Part]":
    from musegen.cli.progress import counted
    from musegen.composing.composer import Composer
    from musegen.evaluation.samples import Asked, sampled
    from musegen.music.mood import NAMED_MOODS

    composer = Composer.load(checkpoint, much=True)
    genres, moods = composer.genres, list(NAMED_MOODS)
    count = min(SAMPLES, len(genres))
    parts: list[Part] = ["## Samples\n\nNot picked: genres in turn, one seed each."]
    with counted("composing samples", quiet) as show:
        for number in range(count):
            genre = genres[number * len(genres) // count]
            asked = Asked(genre, moods[number * len(moods) // count], bars, seed + number)
            parts.append(sampled(composer, checkpoint, asked))
            show(number + 1, count)
    return parts


def _same_genres(
    checkpoint: str, known: tuple[str, ...], prepared: Path, found: tuple[str, ...]
) -> None:
    from musegen.errors import CheckpointError

    if tuple(found) != tuple(known):
        raise CheckpointError(
            f"{checkpoint} knows other genres than {prepared}; judge it on the collection that it "
            "was trained from"
        )


def _likelihood(checkpoint: str, prepared: Path, quiet: bool) -> str:
    from musegen.cli.progress import counted
    from musegen.corpus.shards import load_prepared
    from musegen.evaluation.likelihood import likelihood_report
    from musegen.model.checkpoint import load_checkpoint
    from musegen.model.devices import pick_bf16

    ready = load_prepared(prepared)
    loaded = load_checkpoint(checkpoint)
    _same_genres(checkpoint, loaded.genres, prepared, ready.genres)
    with counted("judging", quiet) as show:
        report = likelihood_report(
            loaded.model, ready.collection, loaded.genres, pick_bf16("auto", "cpu"), progress=show
        )
    return f"## Held-out likelihood\n\n{report.markdown()}"


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
    composer = Composer.load(checkpoint, much=True)
    with counted("composing", quiet) as show:
        answers = controls_report(
            composer, collection, each, sampling=Sampling(guidance=guidance), progress=show
        )
    if png is not None:
        from musegen.render.charts import draw_answers, save_chart

        numbers = [(a.control, a.asked, a.heard) for a in answers if len(a.asked)]
        save_chart(draw_answers(numbers), png, force)
    return (
        "## How it obeys what it has learned\n\n"
        f"{each} compositions of 16 bars for each control, guidance {guidance:g}, no re-ranking; "
        f"real pieces: {len(collection.judging)} held out, their first 16 bars against the whole. "
        "Genre is heard by a classifier trained on the held-out pieces, mean over genres; each of "
        f"these is judged without knowing it.\n\n{controls_page(answers)}\n"
    )
