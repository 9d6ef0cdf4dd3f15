"""Charts are whole pictures, the same for the same numbers, and show every point."""

from pathlib import Path

import numpy as np
import pytest

from musegen.errors import OutputError
from musegen.music.mood import NAMED_MOODS
from musegen.render.charts import draw_answers, draw_moods, save_chart


def test_every_mood_is_on_the_chart(tmp_path: Path) -> None:
    """By name, at its point."""
    figure = draw_moods(NAMED_MOODS)
    (axes,) = figure.axes
    shown = {text.get_text(): text.xy for text in axes.texts}  # type: ignore[attr-defined]
    assert shown == NAMED_MOODS
    place = save_chart(figure, tmp_path / "moods.png")
    assert place.read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(OutputError):
        save_chart(figure, place)
    with pytest.raises(OutputError, match="picture format"):
        save_chart(figure, tmp_path / "moods.doc")


def test_asked_against_heard(tmp_path: Path) -> None:
    """One panel for each control, a dot for each piece; twice the same bytes."""
    chance = np.random.default_rng(1)
    answers = [(name, chance.random(9), chance.random(9)) for name in "abcd"]
    figure = draw_answers(answers)
    assert len(figure.axes) == 4
    for axes, (name, asked, heard) in zip(figure.axes, answers, strict=True):
        assert axes.get_title(loc="left") == name
        dots = axes.lines[1]
        assert np.array_equal(dots.get_xdata(), asked)
        assert np.array_equal(dots.get_ydata(), heard)
    one = save_chart(figure, tmp_path / "one.svg").read_bytes()
    assert save_chart(draw_answers(answers), tmp_path / "two.svg").read_bytes() == one
