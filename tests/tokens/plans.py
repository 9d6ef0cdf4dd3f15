"""What Hypothesis draws beside a score on the grid: every control that a composer could wish.

All of it lies on the scales, so that what is written into rows is what is read back from them.
"""

import numpy as np
from hypothesis import strategies as st

from musegen.music.score import Score
from musegen.music.timing import bar_lines
from musegen.tokens import scales
from musegen.tokens.controls import MODES, BarPlan, Chord, Controls, SectionPlan, TrackPlan
from musegen.tokens.fields import MAX_BACK
from tests.strategies import grid_scores

GENRES = ("folk", "jazz", "ambient", "drum & bass")


def _on(scale: scales.Scale) -> st.SearchStrategy[float | None]:
    return st.none() | st.sampled_from(scale.values)


@st.composite
def plans(draw: st.DrawFn, score: Score) -> Controls:
    """Wishes and a plan that fit this score, each of them said or left out."""
    lines = bar_lines(score)
    bars = len(lines) - 1
    lengths = np.diff(lines).tolist()
    return Controls(
        genre=draw(st.none() | st.sampled_from(GENRES)),
        valence=draw(_on(scales.VALENCE)),
        arousal=draw(_on(scales.AROUSAL)),
        key=draw(st.none() | st.tuples(st.integers(0, 11), st.sampled_from(MODES))),
        density=draw(_on(scales.DENSITY)),
        polyphony=draw(_on(scales.POLYPHONY)),
        loudness=draw(_on(scales.LOUDNESS)),
        bars=draw(st.none() | st.integers(1, scales.MAX_BARS_WISH)),
        meter=draw(st.none() | st.sampled_from(scales.METERS)),
        tempo=draw(st.none() | st.integers(16, 300)),
        track_count=draw(st.none() | st.integers(1, scales.MAX_TRACKS)),
        drums=draw(st.none() | st.booleans()),
        tracks=tuple(draw(_track(track.program, track.is_drum)) for track in score.tracks),
        sections=draw(_sections(bars)),
        plan=draw(_bar_plans(bars)),
        chords=draw(_chords(lengths)),
    )


@st.composite
def _track(draw: st.DrawFn, program: int, is_drum: bool) -> TrackPlan:
    low = draw(st.none() | st.sampled_from(scales.REGISTER))
    high = draw(st.none() | st.sampled_from([p for p in scales.REGISTER if p >= (low or 0)]))
    return TrackPlan(
        program,
        is_drum,
        low,
        high,
        density=draw(_on(scales.DENSITY)),
        polyphony=draw(_on(scales.POLYPHONY)),
        loudness=draw(_on(scales.LOUDNESS)),
    )


@st.composite
def _sections(draw: st.DrawFn, bars: int) -> tuple[SectionPlan, ...]:
    """No section, or some that follow each other from the first bar to the last."""
    firsts = sorted(draw(st.sets(st.integers(0, bars - 1), max_size=3)))
    if not firsts:
        return ()
    firsts[0] = 0
    return tuple(
        SectionPlan(
            first,
            draw(st.sampled_from(("", *scales.LETTERS))),
            end - first,
            valence=draw(_on(scales.VALENCE)),
            arousal=draw(_on(scales.AROUSAL)),
            density=draw(_on(scales.DENSITY)),
            loudness=draw(_on(scales.LOUDNESS)),
        )
        for first, end in zip(firsts, [*firsts[1:], bars], strict=True)
    )


@st.composite
def _bar_plans(draw: st.DrawFn, bars: int) -> tuple[BarPlan, ...]:
    """No plan, or one a bar: new, or like a bar that is there already."""
    if draw(st.booleans()):
        return ()
    found = []
    for bar in range(bars):
        back = draw(st.none() | st.integers(0, min(bar, MAX_BACK)))
        allowed = ("new",) if back == 0 else ("varied", "exact")
        likeness = None if back is None else draw(st.none() | st.sampled_from(allowed))
        found.append(BarPlan(back, likeness, draw(_on(scales.DENSITY))))
    return tuple(found) if any(plan != BarPlan() for plan in found) else ()


@st.composite
def _chords(draw: st.DrawFn, lengths: list[int]) -> tuple[Chord, ...]:
    """Chords at the start of bars and inside them, none twice at one place."""
    place = st.integers(0, len(lengths) - 1).flatmap(
        lambda bar: st.tuples(st.just(bar), st.one_of(st.just(0), st.integers(0, lengths[bar] - 1)))
    )
    name = st.tuples(st.integers(0, 11), st.sampled_from(scales.CHORD_QUALITIES))
    chosen = sorted(draw(st.sets(place, max_size=5)))
    return tuple(Chord(*at, *draw(st.just((None, "")) | name)) for at in chosen)


@st.composite
def told_scores(draw: st.DrawFn) -> tuple[Score, Controls]:
    """A score on the grid together with controls that fit it."""
    score = draw(grid_scores())
    return score, draw(plans(score))
