"""HEAD as rows and back: what is said of a whole piece and of its tracks.

`codec` puts it before the bars. Knows no Score.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musegen.errors import MusegenError
from musegen.tokens import scales
from musegen.tokens.controls import MODES, Controls, TrackPlan
from musegen.tokens.fields import COLUMNS, FORM, KINDS, STYLE, TRACK, UNSET, Rows, column, row
from musegen.tokens.ids import from_level, genre_id, instrument_id, instrument_of, level

_METER = {meter: i + 1 for i, meter in enumerate(scales.METERS)}


def head_rows(controls: Controls, genres: Sequence[str]) -> list[list[int]]:
    """The STYLE and FORM rows that say what was wished of the whole piece."""
    key = controls.key
    style = row(
        STYLE,
        genre=genre_id(controls.genre, genres),
        valence=level(scales.VALENCE, controls.valence),
        arousal=level(scales.AROUSAL, controls.arousal),
        key=UNSET if key is None else 1 + key[0] + 12 * MODES.index(key[1]),
        density=level(scales.DENSITY, controls.density),
        polyphony=level(scales.POLYPHONY, controls.polyphony),
        loudness=level(scales.LOUDNESS, controls.loudness),
    )
    form = row(
        FORM,
        bars=controls.bars or UNSET,
        meter=UNSET if controls.meter is None else _METER[controls.meter],
        tempo=level(scales.TEMPO_BPM, controls.tempo),
        tracks=controls.track_count or UNSET,
        drums=UNSET if controls.drums is None else 1 + int(controls.drums),
    )
    return [style, form]


def beside_levels(controls: Controls) -> NDArray[np.float32]:
    """How far each wish lies beside the value that the STYLE row says of it: (COLUMNS,).

    As `Scale.beside` has it; 0 where nothing was wished, and where the row says it all.
    """
    beside = np.zeros(COLUMNS, dtype=np.float32)
    for name, scale in scales.LEVELS.items():
        number = getattr(controls, name)
        if number is not None:
            beside[column(STYLE, name)] = scale.beside(number)
    return beside


def track_row(plan: TrackPlan, number: int) -> list[int]:
    """The TRACK row of one track; `number` counts tracks of the same instrument from 0."""
    return row(
        TRACK,
        instrument=instrument_id(plan.program, plan.is_drum),
        number=number,
        low=UNSET if plan.low is None else 1 + plan.low // 4,
        high=UNSET if plan.high is None else 1 + plan.high // 4,
        density=level(scales.DENSITY, plan.density),
        polyphony=level(scales.POLYPHONY, plan.polyphony),
        loudness=level(scales.LOUDNESS, plan.loudness),
    )


def read_head(head: Rows, genres: Sequence[str] = ()) -> Controls:
    """The controls that the HEAD rows of a piece hold: a STYLE, a FORM and its TRACK rows."""
    found = {kind: head[head[:, 0] == kind].tolist() for kind in (STYLE, FORM, TRACK)}
    if not (found[STYLE] and found[FORM]):
        raise MusegenError("these rows are not a HEAD: they hold no STYLE or no FORM row")
    style = dict(zip(KINDS[STYLE].fields, found[STYLE][0][1:], strict=False))
    form = dict(zip(KINDS[FORM].fields, found[FORM][0][1:], strict=False))
    tempo = from_level(scales.TEMPO_BPM, form["tempo"])
    key = style["key"]
    return Controls(
        genre=genres[style["genre"] - 1] if style["genre"] else None,
        valence=from_level(scales.VALENCE, style["valence"]),
        arousal=from_level(scales.AROUSAL, style["arousal"]),
        key=((key - 1) % 12, MODES[(key - 1) // 12]) if key else None,
        density=from_level(scales.DENSITY, style["density"]),
        polyphony=from_level(scales.POLYPHONY, style["polyphony"]),
        loudness=from_level(scales.LOUDNESS, style["loudness"]),
        bars=form["bars"] or None,
        meter=scales.METERS[form["meter"] - 1] if form["meter"] else None,
        tempo=None if tempo is None else int(tempo),
        track_count=form["tracks"] or None,
        drums=None if form["drums"] == UNSET else form["drums"] == 2,
        tracks=tuple(_track_plan(cells) for cells in found[TRACK]),
    )


def _track_plan(cells: list[int]) -> TrackPlan:
    value = dict(zip(KINDS[TRACK].fields, cells[1:], strict=False))
    program, is_drum = instrument_of(value["instrument"])
    return TrackPlan(
        program,
        is_drum,
        low=(value["low"] - 1) * 4 if value["low"] else None,
        high=(value["high"] - 1) * 4 if value["high"] else None,
        density=from_level(scales.DENSITY, value["density"]),
        polyphony=from_level(scales.POLYPHONY, value["polyphony"]),
        loudness=from_level(scales.LOUDNESS, value["loudness"]),
    )
