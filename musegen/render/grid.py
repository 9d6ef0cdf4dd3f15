"""What a piano roll is drawn on: lanes, keyboard, drum names, beats, bar lines, numbers and signs.

A Page and its Score go in, strokes on the axes come out. Knows no note.
"""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen.music.instruments import drum_name
from musegen.music.score import Score
from musegen.music.timing import bar_meters, meters_in_order, seconds_at, tempos_in_order
from musegen.render import ink
from musegen.render.page import LEFT, Page, System

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLACK = (1, 3, 6, 8, 10)
KEYBOARD_WIDTH = 0.2
KEYBOARD_LEFT, KEYBOARD_RIGHT = LEFT - 0.06 - KEYBOARD_WIDTH, LEFT - 0.06
NAME_SIZE, NUMBER_SIZE, DRUM_SIZE, SIGN_SIZE = 6.5, 6.5, 5.8, 7.5
LEAST_BEAT, LEAST_NUMBER_GAP, LEAST_SIGN_GAP = 0.09, 0.34, 0.1
"""Inches that beats, bar numbers and tempo signs need between them to be drawn."""


def draw_panels(axes: "Axes", page: Page) -> None:
    """Each system has its lanes, white and black, and its names at the left."""
    keys = np.arange(page.low, page.high + 1)
    for system in page.systems:
        right = system.right
        if page.roll_height:
            bottom, top = page.roll_bottom(system), page.roll_top(system)
            ink.draw_boxes(axes, ink.rows(LEFT, bottom, right, top), ink.ROLL, layer=0.5)
            black = page.pitch_y(system, keys[np.isin(keys % 12, BLACK)])
            lanes = ink.rows(LEFT, black, right, black + page.lane)
            ink.draw_boxes(axes, lanes, ink.BLACK_KEYS)
            octaves = page.pitch_y(system, keys[(keys % 12 == 0) & (keys > page.low)])
            ink.draw_lines(axes, ink.rows(LEFT, octaves, right, octaves), ink.OCTAVE_LINE, 0.6)
            ink.draw_frame(axes, LEFT, bottom, right, top)
            _draw_keyboard(axes, page, system)
        if page.drums:
            top = system.bottom + page.drum_height
            ink.draw_boxes(axes, ink.rows(LEFT, system.bottom, right, top), ink.ROLL, layer=0.5)
            odd = page.drum_y(system, np.arange(1, len(page.drums), 2))
            lanes = ink.rows(LEFT, odd, right, odd + page.drum_row)
            ink.draw_boxes(axes, lanes, ink.BLACK_KEYS)
            ink.draw_frame(axes, LEFT, system.bottom, right, top)
            _draw_drum_names(axes, page, system)


def _draw_keyboard(axes: "Axes", page: Page, system: System) -> None:
    keys = np.arange(page.low, page.high + 1)
    bottom, top = page.roll_bottom(system), page.roll_top(system)
    ink.draw_boxes(axes, ink.rows(KEYBOARD_LEFT, bottom, KEYBOARD_RIGHT, top), ink.ROLL)
    joints = page.pitch_y(system, keys[np.isin(keys % 12, (0, 5)) & (keys > page.low)])
    black = page.pitch_y(system, keys[np.isin(keys % 12, BLACK)])
    between = np.concatenate([joints, black + page.lane / 2])
    lines = ink.rows(KEYBOARD_LEFT, between, KEYBOARD_RIGHT, between)
    ink.draw_lines(axes, lines, ink.BAR_LINE, 0.4)
    tips = KEYBOARD_LEFT + 0.6 * KEYBOARD_WIDTH
    boxes = ink.rows(KEYBOARD_LEFT, black + 0.1 * page.lane, tips, black + 0.9 * page.lane)
    ink.draw_boxes(axes, boxes, ink.BLACK_KEY, layer=3)
    ink.draw_frame(axes, KEYBOARD_LEFT, bottom, KEYBOARD_RIGHT, top)
    for pitch in keys[keys % 12 == 0]:
        y = float(page.pitch_y(system, pitch)) + page.lane / 2
        name = f"C{pitch // 12 - 1}"
        ink.write(axes, KEYBOARD_LEFT - 0.05, y, name, NAME_SIZE, ha="right", color=ink.FADED)


def _draw_drum_names(axes: "Axes", page: Page, system: System) -> None:
    size = DRUM_SIZE * min(1.0, page.drum_row / 0.085)
    for row, pitch in enumerate(page.drums):
        y = float(page.drum_y(system, row)) + page.drum_row / 2
        name = ink.shortened(drum_name(pitch), size, KEYBOARD_RIGHT - 0.1)
        ink.write(axes, KEYBOARD_RIGHT, y, name, size, ha="right", color=ink.FADED)


def draw_beats(axes: "Axes", page: Page, score: Score) -> None:
    """Every bar has its line, and its beats where there is room between them."""
    numerators, denominators = (each.tolist() for each in bar_meters(score))
    for system in page.systems:
        beats: list[int] = []
        for bar, (line, after) in enumerate(pairwise(system.lines), start=system.first_bar):
            beat = _beat_ticks(numerators[bar], denominators[bar], score.ticks_per_quarter)
            if beat * system.inches_per_tick >= LEAST_BEAT:
                beats += range(line + beat, after, beat)
        for ticks, colour, width in (
            (beats, ink.BEAT_LINE, 0.6),
            (system.lines[:-1], ink.BAR_LINE, 0.8),
        ):
            x = system.x(np.array(ticks, dtype=float))
            for bottom, top in page.panels(system):
                ink.draw_lines(axes, ink.rows(x, bottom, x, top), colour, width)


def _beat_ticks(numerator: int, denominator: int, ticks_per_quarter: int) -> int:
    """A felt beat: the dotted quarter in 6/8, 9/8 and 12/8, else what the lower number says."""
    unit = max(1, 4 * ticks_per_quarter // denominator)
    return 3 * unit if denominator >= 8 and numerator > 3 and numerator % 3 == 0 else unit


def draw_numbers(axes: "Axes", page: Page, score: Score, above: float) -> None:
    """Bars are numbered from 1 where there is room, and each system says when it begins."""
    for system in page.systems:
        y = page.roll_top(system) + above
        began = clock(float(seconds_at(score, system.start)))
        ink.write(axes, KEYBOARD_RIGHT, y, began, NAME_SIZE, ha="right", color=ink.FADED)
        width = float(np.diff(system.lines).mean()) * system.inches_per_tick
        every = next(
            n for n in (1, 2, 4, 8, 16, 32, 64) if n * width >= LEAST_NUMBER_GAP or n == 64
        )
        for number, line in enumerate(system.lines[:-1]):
            if number % every == 0:
                first: dict[str, Any] = {} if number else {"color": ink.INK, "fontweight": "bold"}
                style = {"color": ink.FADED, **first}
                x = float(system.x(line)) + 0.02
                ink.write(axes, x, y, str(system.first_bar + number + 1), NUMBER_SIZE, **style)


def draw_signs(axes: "Axes", page: Page, score: Score, above: float) -> None:
    """Tempo and meter are written where they change, as far as there is room."""
    signs = changes(score)
    for system in page.systems:
        free = LEFT
        for tick, text in signs:
            x = float(system.x(tick)) + 0.02
            if system.start <= tick < system.end and x >= free:
                y = page.roll_top(system) + above
                ink.write(axes, x, y, text, SIGN_SIZE)
                free = x + ink.text_width(text, SIGN_SIZE) + LEAST_SIGN_GAP


def changes(score: Score) -> list[tuple[int, str]]:
    """Where tempo or meter changes after the beginning, and to what."""
    tempos = [(t.tick, f"♩ = {t.bpm:.0f}") for t in tempos_in_order(score)]
    meters = [(m.tick, f"{m.numerator}/{m.denominator}") for m in meters_in_order(score)]
    return sorted(
        after
        for signs in (tempos, meters)
        for before, after in pairwise(signs)
        if before[1] != after[1]
    )


def clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> clock(95.2)
    '1:35'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
