"""`musegen verify`: whether a composed file is what its recipe makes."""

from pathlib import Path

import click

from musegen.cli.shipped import checkpoint_option


@click.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@checkpoint_option
@click.option("--quiet", is_flag=True, help="No progress.")
def command(file: Path, checkpoint: str, quiet: bool) -> None:
    """Say whether FILE is, byte for byte, what the recipe in it makes.

    Yes is exit code 0; no is 1, with the first bar that differs. Of a file that an earlier engine
    of musegen composed, which gave other notes, it is not known: 1, too. Also says which model
    composed it.
    """
    import musegen
    from musegen.cli.replay import made_again
    from musegen.composing.recipe import difference, other_engine, read_recipe

    recipe = read_recipe(file)
    content = file.read_bytes()
    click.echo(recipe.disclosure)
    found = difference(content, made_again(recipe, checkpoint, quiet))
    if found is None:
        click.echo(f"yes: {file} is what its recipe makes")
        return
    if other := other_engine(recipe):
        click.echo(f"not known: {file}: {other}")
        raise SystemExit(1)
    click.echo(f"no: {file}: {found}")
    if recipe.version != musegen.__version__:
        click.echo(f"it was made with musegen {recipe.version}; this is {musegen.__version__}")
    raise SystemExit(1)
