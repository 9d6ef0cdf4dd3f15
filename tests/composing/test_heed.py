"""Notes lean to the density, polyphony and loudness that are wished and have not come."""

import numpy as np
import pytest

from musegen.composing.composer import chance
from musegen.composing.draft import Draft
from musegen.composing.heed import MOST, Heed
from musegen.model.sampling import Sampling
from musegen.music.measure import Measured, measure
from musegen.tokens import scales
from musegen.tokens.codec import decode
from musegen.tokens.controls import Controls, SectionPlan, TrackPlan
from musegen.tokens.fields import (
    BAR,
    DRUM_BASE,
    FIELDS,
    KINDS,
    NOTE,
    SECTION,
    TRACK,
    as_rows,
    column,
    row,
)
from musegen.tokens.head import head_rows, track_row
from musegen.tokens.limits import Limits
from tests.composing.told import Told

FOUR_FOUR = 1 + scales.METERS.index((4, 4))
_NOTE = [NOTE, 48, 0, 0, 60, 23, 16]
"""A quarter of middle C in the middle of a bar, velocity 66; its beginnings are what is begun."""


def note(onset: int = 0, pitch: int = 60, steps: int = 24, velocity: int = 66) -> list[int]:
    """A NOTE row of the first piano."""
    return row(
        NOTE, onset=onset, pitch=pitch, duration=scales.DURATION.index(steps),
        velocity=scales.VELOCITY.index(velocity),
    )  # fmt: skip


def after(wishes: Controls, *notes: list[int], bars: int = 4) -> Heed:
    """What has heard so many bars, each with these notes, and the next bar begin."""
    heed = Heed(wishes)
    heed.take(row(TRACK, polyphony=1 + scales.POLYPHONY.index(3.0)))
    for _ in range(bars):
        heed.take(row(BAR, meter=FOUR_FOUR))
        for one in notes:
            heed.take(one)
    heed.take(row(BAR, meter=FOUR_FOUR))
    return heed


def slope(heed: Heed, begun: list[int]) -> float:
    """Whether it leans to the higher values (above 0) or to the lower ones."""
    leaning = heed.leaning(begun)
    return 0.0 if leaning is None else float(leaning[-1] - leaning[0])


def up_to(name: str) -> list[int]:
    """A NOTE row of which all is drawn that stands before a field."""
    return _NOTE[: column(NOTE, name)]


def test_a_piece_too_quiet_becomes_louder() -> None:
    """And the reverse, the less the nearer it is; unless said nothing leans."""
    for wish, sign in ((90, 1), (66, 0), (40, -1)):
        assert np.sign(slope(after(Controls(loudness=wish), note()), up_to("velocity"))) == sign
    near, far = (after(Controls(loudness=wish), note()) for wish in (70, 90))
    assert 0 < slope(near, up_to("velocity")) < slope(far, up_to("velocity"))
    assert after(Controls(density=4), note()).leaning(up_to("velocity")) is None


def test_a_piece_too_sparse_gets_more_notes() -> None:
    """Bars are planned denser, notes come sooner and rather than no more."""
    planned = row(BAR, meter=FOUR_FOUR)[: column(BAR, "density")]
    sparse, dense = (after(Controls(density=wish), note(), note(48)) for wish in (4, 0.25))
    assert slope(sparse, planned) > 0 > slope(dense, planned)
    assert slope(sparse, up_to("onset")) < 0 < slope(dense, up_to("onset"))
    kinds = sparse.leaning([])
    assert kinds is not None
    assert kinds[NOTE] > 0
    assert not np.delete(kinds, NOTE).any()
    assert dense.leaning([]) is None, "a bar that has no note yet is not left empty"
    dense.take(note())
    kinds = dense.leaning([])
    assert kinds is not None
    assert kinds[NOTE] < 0


def test_a_piece_too_thin_gets_longer_notes_and_chords() -> None:
    """A line that is planned to be single is never made longer; drums have no length."""
    thin, thick = (after(Controls(polyphony=wish), note(), note(48)) for wish in (4, 0.5))
    assert slope(thin, up_to("duration")) > 0 > slope(thick, up_to("duration"))
    single, drum = up_to("duration"), up_to("duration")
    single[column(NOTE, "instrument")], drum[column(NOTE, "pitch")] = 40, DRUM_BASE + 36
    assert slope(thin, single) == slope(thin, drum) == 0
    assert slope(thick, single) < 0
    thin.take(note(24))
    together = thin.leaning([NOTE])
    assert together is not None
    assert together.argmax() == 24
    assert together.shape == (FIELDS["onset"].size,)


def test_notes_that_overlap_sound_once() -> None:
    """Four bars of two held notes are two at once, however they begin."""
    held = [note(0, 60, 96), note(48, 64, 96)]
    assert after(Controls(polyphony=2), *held, bars=400)._thin == pytest.approx(0, abs=0.01)


def test_what_is_missing_counts_up_to_a_bound() -> None:
    """However far the piece is off."""
    for wishes in (Controls(density=40), Controls(polyphony=12)):
        heed = after(wishes, note(), bars=99)
        assert max(heed._sparse, heed._thin) == MOST


def test_sections_have_wishes_of_their_own() -> None:
    """What sounded under another wish does not count; without one the piece's holds."""
    sections = (SectionPlan(0, "A", 4), SectionPlan(4, "B", 4, loudness=100))
    heed = Heed(Controls(loudness=40, sections=sections))
    heed.take(row(SECTION))
    heed.take(note(velocity=66))
    assert slope(heed, up_to("velocity")) < 0
    heed.take(row(SECTION))
    assert slope(heed, up_to("velocity")) == 0, "nothing was heard yet"
    heed.take(note(velocity=66))
    assert slope(heed, up_to("velocity")) > 0


def test_without_a_wish_nothing_leans() -> None:
    """Whatever is asked about."""
    heed = after(Controls(), note())
    assert not heed.wished
    for begun in ([], [NOTE], up_to("duration"), up_to("velocity"), [BAR]):
        assert heed.leaning(begun) is None


def composed(heed: float, **wish: float) -> Measured:
    """16 bars by a model to which all values are alike."""
    track = TrackPlan(0, low=48, high=84, polyphony=3.0)
    wishes = Controls(bars=16, meter=(4, 4), tracks=(track,), **wish)  # type: ignore[arg-type]
    head = [*head_rows(wishes, ()), track_row(track, 0)]
    draft = Draft(0, Limits.of(wishes), head, chance(0, 0), heed=Heed(wishes))
    model = Told({
        "kind": {BAR: 0.15, NOTE: 0.85},
        "onset": {onset: np.exp(-onset / 8) for onset in range(0, FIELDS["onset"].size, 6)},
        "pitch": dict.fromkeys(range(48, 84), 1.0),
        "duration": dict.fromkeys(range(5, 96, 6), 1.0),
        "velocity": dict.fromkeys(range(8, 28), 1.0),
    })  # fmt: skip
    sampling = Sampling(top_p=1.0, balance=0.0, recall=0.0, heed=heed)
    model.write(draft, sampling)
    return measure(decode(as_rows(draft.rows))[0])


@pytest.mark.parametrize(
    ("name", "low", "high"), [("loudness", 50, 95), ("density", 2, 8), ("polyphony", 1.1, 8)]
)
def test_pieces_are_as_is_wished(name: str, low: float, high: float) -> None:
    """They come nearer to what is wished than where it is not heeded."""
    for wish in (low, high):
        off = [abs(getattr(composed(heed, **{name: wish}), name) - wish) for heed in (1.0, 0.0)]
        assert off[0] < 0.8 * off[1]


def test_kinds_are_all_there() -> None:
    """The leaning of kinds has one for each."""
    kinds = after(Controls(density=40), note()).leaning([])
    assert kinds is not None
    assert kinds.shape == (len(KINDS),)
