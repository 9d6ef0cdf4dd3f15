"""Colours and strokes of the piano roll: arrays of boxes and lines in inches go onto a page.

Many shapes of one kind are one matplotlib collection, so that thousands of notes draw in well
under a second. Knows no music.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Places = NDArray[np.float64]

PAPER, INK, FADED = "#fdfcf9", "#23272f", "#7d838c"
ROLL, BLACK_KEYS = "#ffffff", "#f4f4f2"
OCTAVE_LINE, BEAT_LINE, BAR_LINE, FRAME = "#d8d8d4", "#e6e6e3", "#c3c5c6", "#9a9ea3"
BLACK_KEY = "#4b4f57"
DRUM_COLOUR = "#4a5362"
TRACK_COLOURS = (
    "#2f6fde", "#ef7d1a", "#17986a", "#cf3f8e", "#7a52d1", "#c39a00", "#0f9fb5", "#d63b3b",
    "#8c5a2b", "#7da522", "#22418c", "#ee7fa6", "#0b5f45", "#a27fe0", "#857b68",
)  # fmt: skip
SECTION_COLOURS = (
    "#cfe0fb", "#fbdcc0", "#c9ebdd", "#f5d0e3", "#ddd2f5", "#f3e5b0", "#c6e8ed", "#f6cfcf",
)  # fmt: skip
"""Ribbons of sections A, B, C ...; from the ninth on they begin again."""

FAINTEST = 0.45
"""Opacity of the softest note; the loudest has 1."""

_CORNER = np.linspace(0.0, np.pi / 2, 4)
_ARC = np.concatenate([_CORNER + turn for turn in (0.0, np.pi / 2, np.pi, 1.5 * np.pi)])
_EAST = np.repeat([1.0, 0.0, 0.0, 1.0], len(_CORNER))
_NORTH = np.repeat([1.0, 1.0, 0.0, 0.0], len(_CORNER))


def rows(*columns: Places | float) -> Places:
    """Columns and single numbers side by side as one (N, columns) array of boxes or lines."""
    return np.stack(np.broadcast_arrays(*np.atleast_1d(*columns)), axis=1).astype(float)


def draw_boxes(
    axes: "Axes",
    boxes: Places,
    colours: Any,
    *,
    radius: float = 0.0,
    edge: Any = "none",
    edge_width: float = 0.0,
    layer: float = 1.0,
) -> None:
    """Boxes (N, 4: left, bottom, right, top) are filled; `radius` rounds their corners."""
    from matplotlib.collections import PolyCollection

    if not len(boxes):
        return
    shapes = PolyCollection(
        list(_outlines(boxes, radius)),
        facecolors=colours,
        edgecolors=edge,
        linewidths=edge_width,
        zorder=layer,
    )
    axes.add_collection(shapes, autolim=False)


def draw_lines(
    axes: "Axes", lines: Places, colour: str, width: float, *, layer: float = 2.0
) -> None:
    """Straight lines (N, 4: from x, from y, to x, to y), `width` points wide."""
    from matplotlib.collections import LineCollection

    if len(lines):
        strokes = LineCollection(
            list(lines.reshape(-1, 2, 2)), colors=colour, linewidths=width, zorder=layer
        )
        strokes.set_capstyle("butt")
        axes.add_collection(strokes, autolim=False)


def draw_frame(axes: "Axes", left: float, bottom: float, right: float, top: float) -> None:
    """A thin line runs around a panel, above its lanes and bar lines."""
    edges = np.array(
        [
            [left, bottom, right, bottom],
            [left, top, right, top],
            [left, bottom, left, top],
            [right, bottom, right, top],
        ]
    )
    draw_lines(axes, edges, FRAME, 0.8, layer=3.5)


def write(axes: "Axes", x: float, y: float, text: str, size: float, **style: Any) -> None:
    """`text` stands at (x, y), never read as a formula."""
    style = {"color": INK, "va": "center", "zorder": 6, **style}
    axes.text(x, y, text, fontsize=size, parse_math=False, **style)


@cache
def text_width(text: str, size: float, bold: bool = False) -> float:
    """How many inches wide `text` is at `size` points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight="bold" if bold else "normal")
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / 72


def shortened(text: str, size: float, width: float, bold: bool = False) -> str:
    """`text`, cut and ended with "…" where it would be wider than `width` inches."""
    if text_width(text, size, bold) <= width:
        return text
    while text and text_width(text + "…", size, bold) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def shades(colour: str, velocities: NDArray[Any]) -> tuple[Places, Places]:
    """Fill and edge colours (N, 4) of notes in `colour`, the more opaque the louder."""
    from matplotlib.colors import to_rgb

    rgb = np.array(to_rgb(colour))
    opacity = FAINTEST + (1 - FAINTEST) * np.clip(velocities / 115, 0, 1)
    fill = np.column_stack([np.tile(rgb, (len(opacity), 1)), opacity])
    edge = np.column_stack([np.tile(rgb * 0.72, (len(opacity), 1)), np.minimum(1, opacity + 0.15)])
    return fill, edge


def _outlines(boxes: Places, radius: float) -> Places:
    """Corner points of every box, (N, points, 2), counter-clockwise from the upper right."""
    left, bottom, right, top = boxes.T
    if radius == 0:
        xs = np.stack([right, left, left, right], axis=1)
        ys = np.stack([top, top, bottom, bottom], axis=1)
        return np.stack([xs, ys], axis=2)
    bend = np.minimum(radius, np.minimum(right - left, top - bottom) / 2)[:, None]
    xs = np.where(_EAST, right[:, None] - bend, left[:, None] + bend) + bend * np.cos(_ARC)
    ys = np.where(_NORTH, top[:, None] - bend, bottom[:, None] + bend) + bend * np.sin(_ARC)
    return np.stack([xs, ys], axis=2)
