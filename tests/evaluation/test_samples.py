"""A sample is what its command makes."""

import shlex
from io import BytesIO

from PIL import Image

from musegen.composing.recipe import read_recipe
from musegen.evaluation.samples import Asked, sampled
from tests.cli.conftest import Run, checkpoint, here, run  # noqa: F401 # fixtures
from tests.composing.busy import blind_composer


def test_a_sample_is_small_and_carries_its_recipe() -> None:
    """Its picture has few colours, its file says what was asked for."""
    asked = Asked("jazz", "sad", 2, 7)
    made = sampled(blind_composer(), "tiny", asked)
    with Image.open(BytesIO(made.png)) as picture:
        assert picture.mode == "P"
        assert 400 < picture.width < 1200
    recipe = read_recipe(made.midi)
    assert (recipe.seed, recipe.count, recipe.number) == (7, 1, 0)
    assert recipe.wishes == asked.wishes
    assert made.name == "jazz-sad.mid"


def test_the_command_makes_the_same_file(run: Run, checkpoint: object) -> None:  # noqa: F811
    """Byte for byte, through the command line."""
    from pathlib import Path

    from musegen.composing.composer import Composer

    asked = Asked("folk", "happy", 2, 3)
    made = sampled(Composer.load(str(checkpoint)), Path(str(checkpoint)).name, asked)
    words = shlex.split(asked.command(str(checkpoint)))[1:]
    assert run(*words).exit_code == 0
    assert Path("folk-happy.mid").read_bytes() == made.midi


def test_awkward_names() -> None:
    """A genre with an ampersand is one word for the shell and a plain name for a file."""
    asked = Asked("r&b-soul", "calm", 16, 1)
    assert asked.name == "rnb-soul-calm"
    assert shlex.split(asked.command("x"))[5] == "r&b-soul"
