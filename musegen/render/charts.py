"""Charts: named moods as points of the plane, and wishes against what was measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musegen.files import write_whole
from musegen.render import ink
from musegen.render.pianoroll import picture_bytes, picture_kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]


def draw_moods(moods: Mapping[str, tuple[float, float]]) -> "Figure":
    """Every mood by name at its valence (left to right) and arousal (bottom to top), -1 to 1."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 6.6), dpi=150, facecolor=ink.PAPER, layout="constrained")
    axes = figure.add_subplot()
    _plain(axes, "valence: unpleasant to pleasant", "arousal: quiet to excited")
    axes.axhline(0, color=ink.OCTAVE_LINE, linewidth=0.8, zorder=0)
    axes.axvline(0, color=ink.OCTAVE_LINE, linewidth=0.8, zorder=0)
    axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05))
    for name, (valence, arousal) in moods.items():
        axes.plot(valence, arousal, "o", color=ink.TRACK_COLOURS[0], markersize=5)
        left = valence > 0.6
        axes.annotate(
            name,
            (valence, arousal),
            xytext=(-6 if left else 6, 3),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=8.5,
            color=ink.INK,
        )
    return figure


def draw_answers(answers: Sequence[tuple[str, Floats, Floats]]) -> "Figure":
    """For each control: its name, what was asked (N,) and what was heard (N,), a dot each."""
    from matplotlib.figure import Figure

    columns = min(max(len(answers), 1), 3)
    lines = max(-(-len(answers) // columns), 1)
    size = (3.4 * columns, 3.2 * lines)
    figure = Figure(figsize=size, dpi=150, facecolor=ink.PAPER, layout="constrained")
    for place, (name, asked, heard) in enumerate(answers, 1):
        axes = figure.add_subplot(lines, columns, place)
        _plain(axes, "asked", "measured")
        axes.set_title(name, loc="left", fontsize=10, color=ink.INK)
        low, high = float(min(asked.min(), heard.min())), float(max(asked.max(), heard.max()))
        axes.plot([low, high], [low, high], color=ink.OCTAVE_LINE, linewidth=1, zorder=0)
        axes.plot(asked, heard, "o", color=ink.TRACK_COLOURS[0], markersize=4, alpha=0.6)
    return figure


def save_chart(figure: "Figure", path: str | Path, force: bool = False) -> Path:
    """The chart lies whole at `path`, as PNG or SVG by its ending."""
    write_whole(Path(path), picture_bytes(figure, picture_kind(path)), force=force)
    return Path(path)


def _plain(axes: "Axes", across: str, up: str) -> None:
    axes.set_facecolor(ink.ROLL)
    axes.set_xlabel(across, fontsize=9, color=ink.FADED)
    axes.set_ylabel(up, fontsize=9, color=ink.FADED)
    axes.tick_params(labelsize=8, colors=ink.FADED)
    for spine in axes.spines.values():
        spine.set_color(ink.FRAME)
