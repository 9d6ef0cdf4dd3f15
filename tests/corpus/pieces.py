"""Pieces made by hand as rows, for tests that need no MIDI."""

import numpy as np

from musegen.tokens import fields, scales
from musegen.tokens.fields import (
    BAR,
    CHORD,
    DRUM_BASE,
    END,
    FIRST_CHORD,
    FORM,
    NOTE,
    SECTION,
    STYLE,
    TRACK,
    Rows,
    as_rows,
    row,
)

METERS = {(4, 4): 96, (3, 4): 72, (6, 8): 72, (5, 8): 60}


def made_piece(
    seed: int = 0,
    bars: int = 24,
    tracks: int = 3,
    notes_per_bar: int = 12,
    genre: int = 1,
    drums: bool = True,
) -> Rows:
    """Rows of a legal piece: sections of eight bars, two chords a bar, meters that change."""
    rng = np.random.default_rng(seed)
    instruments = sorted(int(p) for p in rng.integers(0, 6, tracks))
    if drums and tracks > 1:
        instruments[-1] = DRUM_BASE
    members = [(p, instruments[:i].count(p)) for i, p in enumerate(instruments)]
    pitches = rng.integers(40, 80, (bars, notes_per_bar))
    cells = [
        row(STYLE, genre=genre, valence=4, arousal=5, key=8, density=6, polyphony=4, loudness=9),
        row(FORM, bars=bars, meter=1, tempo=105, tracks=tracks, drums=1 + (drums and tracks > 1)),
    ]
    body: list[list[int]] = []
    low, high = [127] * tracks, [0] * tracks
    meters = list(METERS)
    for bar in range(bars):
        meter = meters[(bar // 6) % len(meters)]
        if bar % 8 == 0:
            length = min(8, bars - bar)
            body.append(
                row(SECTION, letter=1 + bar // 8 % 16, section_bars=length, valence=3, arousal=3,
                    density=5, loudness=9)
            )  # fmt: skip
        body.append(
            row(BAR, bars_left=scales.bars_left_index(bars - 1 - bar),
                meter=1 + list(scales.METERS).index(meter), tempo=100 + bar % 3, back=1,
                likeness=1, chord=FIRST_CHORD + 14 * (bar % 12), density=4)
        )  # fmt: skip
        onsets = np.sort(rng.integers(0, METERS[meter], notes_per_bar)).tolist()
        events = [(24, 0, row(CHORD, onset=24, chord=FIRST_CHORD + 14 * (bar % 12) + 1))]
        for onset, pitch in zip(onsets, pitches[bar].tolist(), strict=True):
            track = int(rng.integers(tracks))
            program, number = members[track]
            sounding = pitch + DRUM_BASE if program >= DRUM_BASE else pitch
            low[track], high[track] = min(low[track], pitch), max(high[track], pitch)
            events.append(
                (onset, 1 + track, row(NOTE, onset=onset, instrument=program, number=number,
                 pitch=sounding, duration=int(rng.integers(40)), velocity=int(rng.integers(32))))
            )  # fmt: skip
        body += [cells for _, _, cells in sorted(events, key=lambda e: (e[0], e[1], e[2][4]))]
    for track, (program, number) in enumerate(members):
        plain = program < DRUM_BASE and low[track] <= high[track]
        ranges = {"low": 1 + low[track] // 4, "high": 1 + high[track] // 4} if plain else {}
        cells.append(
            row(TRACK, instrument=program, number=number, density=4, polyphony=2, loudness=8,
                **ranges)
        )  # fmt: skip
    return as_rows([*cells, *body, row(END)])


def is_legal(rows: Rows) -> bool:
    """Every cell is in the range of its field, and unused columns hold 0."""
    for cells in rows.tolist():
        kind = fields.KINDS[cells[0]]
        used = len(kind.fields)
        if any(cells[1 + used :]):
            return False
        for name, value in zip(kind.fields, cells[1 : 1 + used], strict=True):
            if not 0 <= value < fields.FIELDS[name].size:
                return False
    return True
