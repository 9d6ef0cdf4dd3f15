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


def draw_steps(sets: Mapping[str, Floats]) -> "Figure":
    """The share of each melodic step, -12 to 12 semitones, for each set: (25,) numbers each."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.2), dpi=150, facecolor=ink.PAPER, layout="constrained")
    axes = figure.add_subplot()
    _plain(axes, "melodic step in semitones", "share of steps")
    width = 0.8 / max(len(sets), 1)
    for place, (name, shares) in enumerate(sets.items()):
        steps = np.arange(len(shares)) - len(shares) // 2
        left = steps - 0.4 + width * (place + 0.5)
        axes.bar(left, shares, width, color=ink.TRACK_COLOURS[place], label=name)
    axes.legend(fontsize=8, frameon=False)
    return figure


def draw_lags(sets: Mapping[str, Floats]) -> "Figure":
    """Mean likeness of bars 1, 2, 3 ... apart, a line for each set: (lags,) numbers each."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.2), dpi=150, facecolor=ink.PAPER, layout="constrained")
    axes = figure.add_subplot()
    _plain(axes, "bars apart", "likeness")
    for place, (name, likeness) in enumerate(sets.items()):
        lags = np.arange(1, len(likeness) + 1)
        axes.plot(lags, likeness, "o-", color=ink.TRACK_COLOURS[place], markersize=4, label=name)
    axes.set_ylim(0, 1)
    axes.legend(fontsize=8, frameon=False)
    return figure


def draw_intervals(rows: Sequence[tuple[str, Sequence[tuple[float, float, float]]]]) -> "Figure":
    """For each name, numbers with the ends of their intervals, one colour for each place.

    Each row is scaled by its first number's own size, which is drawn at 1.
    """
    from matplotlib.figure import Figure

    size = (8.4, 0.8 + 0.3 * len(rows))
    figure = Figure(figsize=size, dpi=150, facecolor=ink.PAPER, layout="constrained")
    axes = figure.add_subplot()
    _plain(axes, "of the real pieces' mean", "")
    for line, (_, numbers) in enumerate(rows):
        unit = abs(numbers[0][0]) or 1.0
        for place, (value, low, high) in enumerate(numbers):
            y = line + 0.22 * place
            colour = ink.TRACK_COLOURS[place]
            axes.plot([low / unit, high / unit], [y, y], color=colour, linewidth=2)
            axes.plot(value / unit, y, "o", color=colour, markersize=4)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.invert_yaxis()
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
