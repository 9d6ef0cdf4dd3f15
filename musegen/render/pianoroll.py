"""The picture of a piece: a Score goes in, with its chords and sections; a Figure comes out.

Colour says which track, opacity how loud, place when and how high. `page` decides where things lie,
`grid` draws what is under the notes. Knows no model.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen.errors import OutputError, unknown
from musegen.files import write_whole
from musegen.music.instruments import track_names
from musegen.music.score import DURATION, ONSET, PITCH, VELOCITY, NoteArray, Score
from musegen.music.timing import bar_lines, length_s, meters_in_order, tempos_in_order
from musegen.render import ink
from musegen.render.grid import changes, clock, draw_beats, draw_numbers, draw_panels, draw_signs
from musegen.render.page import (
    CHORD_ROW,
    LEFT,
    NUMBER_ROW,
    RIGHT,
    SECTION_ROW,
    SIGN_ROW,
    Page,
    System,
    lay_out,
    longest_notes_first,
)
from musegen.tokens.controls import PITCH_NAMES, Chord, SectionPlan
from musegen.tokens.scales import STEPS_PER_QUARTER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")
DOTS_PER_INCH = 144
FEW_COLOURS = 64
TITLE_SIZE, FACTS_SIZE, LEGEND_SIZE, CHORD_SIZE = 17.0, 9.5, 8.5, 8.0
HEADER, LEGEND_ROW = 0.98, 0.22
ROUNDING, HIT_WIDTH = 0.018, 0.055
CHORD_MARKS = {"dim": "°", "aug": "+", "M7": "maj7", "m7-5": "ø7", "dim7": "°7"}

Legend = list[list[tuple[float, str, str]]]


def draw_pianoroll(
    score: Score,
    *,
    title: str = "",
    genre: str = "",
    chords: Sequence[Chord] = (),
    sections: Sequence[SectionPlan] = (),
) -> "Figure":
    """The whole of `score` as one figure, in systems below each other as sheet music has it.

    Where no `sections` are given, the score's markers stand for them.
    """
    from matplotlib.figure import Figure

    ribbons = _ribbons(score, sections)
    rows = {
        "numbers": NUMBER_ROW,
        "signs": SIGN_ROW * bool(changes(score)),
        "chords": CHORD_ROW * bool(chords),
        "sections": SECTION_ROW * bool(ribbons),
    }
    above = sum(rows.values())
    legend = _legend(score, lay_out(score, HEADER, above).width - LEFT - RIGHT)
    page = lay_out(score, HEADER + LEGEND_ROW * len(legend), above)

    figure = Figure(figsize=(page.width, page.height), dpi=DOTS_PER_INCH, facecolor=ink.PAPER)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, page.width)
    axes.set_ylim(0, page.height)

    _draw_header(axes, page, title, _facts(score, genre), legend)
    draw_panels(axes, page)
    draw_beats(axes, page, score)
    _draw_notes(axes, page, score)
    _draw_hits(axes, page, score)
    middle = {name: sum(list(rows.values())[:n]) + rows[name] / 2 for n, name in enumerate(rows)}
    draw_numbers(axes, page, score, middle["numbers"])
    draw_signs(axes, page, score, middle["signs"])
    _draw_chords(axes, page, score, chords, middle["chords"])
    _draw_sections(axes, page, ribbons, middle["sections"])
    return figure


def save_pianoroll(
    score: Score,
    path: str | Path,
    *,
    title: str = "",
    genre: str = "",
    chords: Sequence[Chord] = (),
    sections: Sequence[SectionPlan] = (),
    force: bool = False,
) -> Path:
    """The picture lies whole at `path`, as PNG or SVG by its ending."""
    kind = picture_kind(path)
    figure = draw_pianoroll(score, title=title, genre=genre, chords=chords, sections=sections)
    write_whole(path, picture_bytes(figure, kind), force=force)
    return Path(path)


def picture_kind(path: str | Path) -> str:
    """The kind of picture that a path's ending names; OutputError where there is none such."""
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise OutputError(f"{path}: {unknown('picture format', kind, FORMATS)}")
    return kind


def picture_bytes(figure: "Figure", kind: str) -> bytes:
    """`figure` as the bytes of a PNG or SVG file; the same figure gives the same bytes."""
    from matplotlib import rc_context

    target = BytesIO()
    undated: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": "musegen"}
    with rc_context({"svg.hashsalt": "musegen"}):
        figure.savefig(target, format=kind, facecolor=ink.PAPER, metadata=undated)
    return target.getvalue()


def small_png(figure: "Figure", dots_per_inch: int) -> bytes:
    """`figure` as a PNG of few colours, a third of the usual size: for pages of many pictures."""
    from PIL import Image  # comes with matplotlib, which writes its own PNGs with it

    whole, target = BytesIO(), BytesIO()
    figure.savefig(whole, format="png", facecolor=ink.PAPER, dpi=dots_per_inch)
    with Image.open(whole) as picture:
        picture.convert("RGB").quantize(FEW_COLOURS).save(target, "PNG", optimize=True)
    return target.getvalue()


def _facts(score: Score, genre: str) -> str:
    """One line: "folk · D major · ♩ = 110 · 4/4 · 16 bars · 0:35 · 212 notes"."""
    bars = len(bar_lines(score)) - 1
    facts = [genre] if genre else []
    if score.keys:
        facts.append(f"{_pretty(PITCH_NAMES[score.keys[0].tonic])} {score.keys[0].mode}")
    facts.append(f"♩ = {tempos_in_order(score)[0].bpm:.0f}")
    _, numerator, denominator = meters_in_order(score)[0]
    facts.append(f"{numerator}/{denominator}")
    facts.append(f"{bars} bar{'s' * (bars != 1)}")
    facts.append(clock(length_s(score)))
    facts.append(f"{score.note_count:,} note{'s' * (score.note_count != 1)}")
    return "   ·   ".join(facts)


def _pretty(name: str) -> str:
    return name.replace("#", "♯").replace("b", "♭")


def _legend(score: Score, width: float) -> Legend:
    """Rows of (place from the left, colour, name), one entry for each track."""
    rows: Legend = [[]]
    place = 0.0
    for name, colour in zip(track_names(score), _track_colours(score), strict=True):
        needed = 0.2 + ink.text_width(name, LEGEND_SIZE) + 0.25
        if rows[-1] and place + needed > width:
            rows.append([])
            place = 0.0
        rows[-1].append((place, colour, name))
        place += needed
    return rows if rows[0] else []


def _track_colours(score: Score) -> list[str]:
    colours = iter(ink.TRACK_COLOURS * (1 + len(score.tracks) // len(ink.TRACK_COLOURS)))
    return [ink.DRUM_COLOUR if track.is_drum else next(colours) for track in score.tracks]


def _draw_header(axes: "Axes", page: Page, title: str, facts: str, legend: Legend) -> None:
    width = page.width - LEFT - RIGHT
    top = page.height - 0.42
    name = ink.shortened(title or "Untitled", TITLE_SIZE, width, bold=True)
    ink.write(axes, LEFT, top, name, TITLE_SIZE, fontweight="bold")
    facts = ink.shortened(facts, FACTS_SIZE, width)
    ink.write(axes, LEFT, top - 0.29, facts, FACTS_SIZE, color=ink.FADED)
    for number, row in enumerate(legend):
        y = top - 0.57 - LEGEND_ROW * number
        for place, colour, text in row:
            x = LEFT + place
            chip = ink.rows(x, y - 0.05, x + 0.13, y + 0.05)
            ink.draw_boxes(axes, chip, colour, radius=0.03)
            ink.write(axes, x + 0.2, y, text, LEGEND_SIZE)


def _draw_notes(axes: "Axes", page: Page, score: Score) -> None:
    """Every pitched note is a box with round corners; a note across systems is in both."""
    colours = _track_colours(score)
    for place, index in enumerate(longest_notes_first(score)):
        inset = page.lane * (0.04 + 0.05 * (place % 3))  # a unison shows both of its tracks
        boxes, velocities = [], []
        for system in page.systems:
            notes = _sounding(score.tracks[index].notes, system)
            left = system.x(np.maximum(notes[:, ONSET], system.start))
            released = np.minimum(notes[:, ONSET] + notes[:, DURATION], system.end)
            right = system.x(released)
            right -= np.minimum(0.012, 0.15 * (right - left))
            bottom = page.pitch_y(system, notes[:, PITCH]) + inset
            boxes.append(ink.rows(left, bottom, right, bottom + page.lane - 2 * inset))
            velocities.append(notes[:, VELOCITY])
        fill, edge = ink.shades(colours[index], np.concatenate(velocities))
        ink.draw_boxes(
            axes,
            np.concatenate(boxes),
            fill,
            radius=ROUNDING,
            edge=edge,
            edge_width=0.35,
            layer=4,
        )


def _draw_hits(axes: "Axes", page: Page, score: Score) -> None:
    """Every drum hit is a short mark in the row of its drum."""
    row_of = np.zeros(128, dtype=np.int64)
    row_of[list(page.drums)] = np.arange(len(page.drums))
    narrow = 0.22 * score.ticks_per_quarter
    for track in score.tracks:
        if not track.is_drum or not len(track):
            continue
        boxes, velocities = [], []
        for system in page.systems:
            onsets = track.notes[:, ONSET]
            hits = track.notes[(onsets >= system.start) & (onsets < system.end)]
            left = system.x(hits[:, ONSET])
            width = min(HIT_WIDTH, narrow * system.inches_per_tick)
            bottom = page.drum_y(system, row_of[hits[:, PITCH]]) + 0.14 * page.drum_row
            boxes.append(ink.rows(left, bottom, left + width, bottom + 0.72 * page.drum_row))
            velocities.append(hits[:, VELOCITY])
        fill, _ = ink.shades(ink.DRUM_COLOUR, np.concatenate(velocities))
        ink.draw_boxes(axes, np.concatenate(boxes), fill, radius=ROUNDING, layer=4)


def _sounding(notes: NoteArray, system: System) -> NoteArray:
    released = notes[:, ONSET] + notes[:, DURATION]
    return notes[(notes[:, ONSET] < system.end) & (released > system.start)]


def _draw_chords(
    axes: "Axes", page: Page, score: Score, chords: Sequence[Chord], above: float
) -> None:
    """Chord names stand where chords change and where systems begin, as far as there is room."""
    lines = bar_lines(score)
    ticks_per_step = score.ticks_per_quarter / STEPS_PER_QUARTER
    starts = sorted(
        (float(lines[c.bar]) + c.onset * ticks_per_step, chord_name(c))
        for c in chords
        if c.bar < len(lines) - 1
    )
    for system in page.systems:
        y = page.roll_top(system) + above
        before = [(system.start, name) for tick, name in starts if tick < system.start][-1:]
        here = [(tick, name) for tick, name in starts if system.start <= tick < system.end]
        if here and here[0][0] == system.start:
            before = []
        free, written = LEFT, ""
        for tick, name in before + here:
            x = float(system.x(tick)) + 0.02
            if name != written and x >= free:
                ink.write(axes, x, y, name, CHORD_SIZE)
                written, free = name, x + ink.text_width(name, CHORD_SIZE) + 0.05


def chord_name(chord: Chord) -> str:
    """A chord as musicians write it.

    >>> chord_name(Chord(bar=0, onset=0, root=6, quality="m7-5"))
    'F♯ø7'
    """
    if chord.root is None:
        return "N.C."
    return _pretty(PITCH_NAMES[chord.root]) + CHORD_MARKS.get(chord.quality, chord.quality)


def _ribbons(score: Score, sections: Sequence[SectionPlan]) -> list[tuple[int, int, str]]:
    """Start, end and name of every section: those given, else from marker to marker."""
    lines = bar_lines(score).tolist()
    last = len(lines) - 1
    if sections:
        return [
            (lines[min(s.bar, last)], lines[min(s.bar + s.bars, last)], s.letter) for s in sections
        ]
    starts = sorted({marker.tick: marker.text for marker in score.markers}.items())
    ends = [tick for tick, _ in starts[1:]] + lines[-1:]
    return [(tick, end, text) for (tick, text), end in zip(starts, ends, strict=False)]


def _draw_sections(
    axes: "Axes", page: Page, ribbons: Sequence[tuple[int, int, str]], above: float
) -> None:
    """A ribbon runs over the bars of every section; sections of one name have one colour."""
    names = sorted({name for _, _, name in ribbons})
    for start, end, name in ribbons:
        colour = ink.SECTION_COLOURS[names.index(name) % len(ink.SECTION_COLOURS)]
        for system in page.systems:
            if start >= system.end or end <= system.start:
                continue
            left = float(system.x(max(start, system.start)))
            right = float(system.x(min(end, system.end))) - 0.02
            y = page.roll_top(system) + above
            ribbon = ink.rows(left, y - 0.075, right, y + 0.075)
            ink.draw_boxes(axes, ribbon, colour, radius=0.03)
            style: dict[str, Any] = {"fontweight": "bold"} if start >= system.start else {}
            text = ink.shortened(name, CHORD_SIZE, max(0.1, right - left - 0.1), bold=True)
            ink.write(axes, left + 0.06, y - 0.005, text, CHORD_SIZE, **style)
