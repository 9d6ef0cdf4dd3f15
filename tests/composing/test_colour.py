"""Pitches lean towards major where a piece is to sound happier than it has so far."""

import numpy as np
import pytest

from musegen.composing.colour import MOST, Colour
from musegen.composing.composer import chance
from musegen.composing.draft import Draft
from musegen.model.sampling import Sampling
from musegen.music.keys import majorness
from musegen.tokens import scales
from musegen.tokens.controls import Controls, TrackPlan
from musegen.tokens.fields import BAR, CHORD, DRUM_BASE, FIELDS, NOTE, SECTION, column, row
from musegen.tokens.head import head_rows
from musegen.tokens.ids import chord_id
from musegen.tokens.limits import Limits
from tests.composing.told import Told

C_MAJOR, A_MINOR = (60, 64, 67, 72, 62, 60), (57, 60, 64, 69, 57, 59)


def note(pitch: int, quarters: float = 4.0) -> list[int]:
    """A NOTE row that says its pitch and length."""
    steps = round(quarters * scales.STEPS_PER_QUARTER)
    return row(NOTE, pitch=pitch, duration=scales.DURATION.index(steps))


def after(colour: Colour, pitches: tuple[int, ...]) -> np.ndarray | None:
    """What leans once these have sounded."""
    for pitch in pitches:
        colour.take(note(pitch))
    colour.take(row(BAR))
    return colour.leaning()


def brighter(leaning: np.ndarray | None, pitches: tuple[int, ...]) -> float:
    """How much more major the pitches become where those that it favours sound more."""
    assert leaning is not None
    sounded = np.bincount(np.array(pitches) % 12, minlength=12).astype(float)
    return float(majorness(sounded + 0.1 * leaning[:12]) - majorness(sounded))


@pytest.mark.parametrize("pitches", [C_MAJOR, A_MINOR])
def test_it_leans_to_what_is_wished(pitches: tuple[int, ...]) -> None:
    """A happy wish makes the piece more major, a sad one more minor, whatever it is now."""
    assert brighter(after(Colour(0.95), pitches), pitches) > 0
    assert brighter(after(Colour(-0.95), pitches), pitches) < 0


def test_it_leans_less_the_nearer_it_is() -> None:
    """Of a major piece less is missing to a happy wish than of a minor one, but not beyond MOST."""
    happy = [np.abs(after(Colour(0.4), p)).max() for p in (C_MAJOR, A_MINOR)]
    assert happy[0] < happy[1]
    assert np.abs(after(Colour(0.95), A_MINOR)).max() <= 2 * MOST


def test_octaves_lean_alike_and_drums_do_not() -> None:
    """A tone is a tone in every octave; a drum is none."""
    leaning = after(Colour(0.9), A_MINOR)
    assert leaning is not None
    assert (leaning[:12] == leaning[36:48]).all()
    assert leaning[:12].any()
    assert not leaning[DRUM_BASE:].any()
    assert after(Colour(0.9), (DRUM_BASE + 36,)) is None, "drums are no pitches"


def test_it_changes_with_the_bar_line_only() -> None:
    """Within a bar every choice leans alike."""
    colour = Colour(0.9)
    before = after(colour, A_MINOR)
    colour.take(note(61))
    assert colour.leaning() is before
    colour.take(row(BAR))
    assert not np.array_equal(colour.leaning(), before)


def test_sections_have_wishes_of_their_own() -> None:
    """In order; one that has none has the piece's."""
    colour = Colour(0.9, [None, -0.9])
    for expected in (1, -1, 1):
        colour.take(row(SECTION))
        assert np.sign(brighter(after(colour, A_MINOR), A_MINOR)) == expected


def test_the_key_that_is_wished_stays() -> None:
    """What would lead out of its mode is not done."""
    for valence, key, pitches in ((0.95, (9, "minor"), A_MINOR), (-0.95, (0, "major"), C_MAJOR)):
        told = [after(Colour(wish, key=key), pitches) for wish in (valence, None)]
        assert np.array_equal(*told)  # type: ignore[arg-type]
    assert brighter(after(Colour(-0.95, key=(0, "minor")), C_MAJOR), C_MAJOR) < 0


def test_a_piece_that_strays_is_led_to_its_key() -> None:
    """The more, the further off it is; where it is plainly in its key, nothing leans."""
    leaning = after(Colour(key=(9, "minor")), C_MAJOR)
    assert leaning is not None
    assert leaning[9] > 0 > leaning[7], "A is what tells it from C major, G the reverse"
    assert not after(Colour(key=(0, "major")), C_MAJOR).any()  # type: ignore[union-attr]
    near, far = (np.abs(after(Colour(key=(t, "major")), C_MAJOR)).max() for t in (7, 6))
    assert near < far


def test_without_a_wish_nothing_leans() -> None:
    """Nor before anything has sounded."""
    assert after(Colour(), C_MAJOR) is None
    assert after(Colour(0.9), ()) is None


def composed(valence: float, colour: float) -> float:
    """How major 32 bars are, by a model to which all pitches are the same."""
    wishes = Controls(bars=32, meter=(4, 4), valence=valence, tracks=(TrackPlan(0),))
    heard = Colour(valence)
    draft = Draft(0, Limits.of(wishes), head_rows(wishes, ()), chance(0, 0), colour=heard)
    model = Told({
        "kind": {BAR: 0.02, NOTE: 0.98},
        "onset": {onset: np.exp(-onset / 5) for onset in range(FIELDS["onset"].size)},
        "pitch": dict.fromkeys(range(60, 72), 1.0),
        "duration": dict.fromkeys(range(6), 1.0),
    })  # fmt: skip
    model.write(draft, Sampling(top_p=1.0, colour=colour))
    pitches = [r[column(NOTE, "pitch")] for r in draft.rows if r[0] == NOTE]
    assert len(pitches) > 40
    return float(majorness(np.bincount(np.array(pitches) % 12, minlength=12).astype(float)))


def test_pieces_are_as_major_as_is_wished() -> None:
    """A happy piece is more major than a sad one, but not where colour is off."""
    assert composed(0.9, 3.0) > composed(-0.9, 3.0) + 0.15
    assert composed(0.9, 0.0) == composed(-0.9, 0.0)


def test_the_last_chord_leans_to_the_tonic() -> None:
    """Of the key that is heard, whatever was wished; as the bar begins and where it changes."""
    chord_at = column(BAR, "chord")
    last, before = (row(BAR, bars_left=left)[:chord_at] for left in (0, 1))
    colour = Colour(key=(7, "major"))
    assert not colour.closing(last), "nothing has been heard"
    after(colour, C_MAJOR)
    tonics = set(colour.closing(last))
    assert tonics == {chord_id(0, quality) for quality in scales.CHORD_QUALITIES}
    assert not colour.closing(before)
    assert not colour.closing(last[:-1])
    colour.take(row(BAR, bars_left=1))
    assert not colour.closing([CHORD, 48])
    colour.take(row(BAR, bars_left=0))
    assert set(colour.closing([CHORD, 48])) == tonics
    assert not colour.closing([CHORD])
    assert not colour.closing([NOTE, 0])
