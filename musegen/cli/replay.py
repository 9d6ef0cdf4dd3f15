"""`musegen replay`: a composed file, made again from the recipe that it carries."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from musegen.cli.shipped import checkpoint_option

if TYPE_CHECKING:
    from musegen.composing.recipe import Recipe


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The new file [FILE-again.mid].")
@checkpoint_option
@click.option("--force", is_flag=True, help="Overwrite the new file if it exists.")
@click.option("--quiet", is_flag=True, help="Print only the name of the file.")
def command(file: Path, out: Path | None, checkpoint: str, force: bool, quiet: bool) -> None:
    """Make a composed FILE again from the recipe in it.

    It is the same byte for byte: it is computed as it was the first time, by machine code or by
    numpy, in the same precision. What torch composed is so only on the same kind of machine.
    """
    from musegen.composing.recipe import read_recipe
    from musegen.errors import OutputError
    from musegen.files import write_whole

    place = out or file.with_name(f"{file.stem}-again.mid")
    if place.exists() and not force:
        raise OutputError(f"{place} exists already; choose another name, or add --force")
    content = made_again(read_recipe(file), checkpoint, quiet)
    write_whole(place, content, force=force)
    click.echo(str(place))


def made_again(recipe: "Recipe", checkpoint: str, quiet: bool) -> bytes:
    """The bytes that the recipe makes with the checkpoint, with progress."""
    from musegen.cli.progress import bars_progress
    from musegen.composing.composer import Composer
    from musegen.composing.recipe import computed_otherwise, remade
    from musegen.model.loading import composing_device, load_as

    composer = Composer(load_as(checkpoint, composing_device(recipe.device), recipe.computed))
    if otherwise := computed_otherwise(recipe, composer):
        click.echo(f"note: {otherwise}", err=True)
    with bars_progress(recipe.count, quiet) as watch:
        return remade(recipe, composer, watch)
