"""What is heard against what: the same step in every key, none where there is nothing to hear."""

import numpy as np
import pytest

from musegen.tokens.fields import (
    DRUM_BASE,
    FIELDS,
    FIRST_CHORD,
    KINDS,
    NO_CHORD,
    OWN_LINKS,
    RELATIONS,
    SEEN_LINKS,
)
from musegen.tokens.scales import CHORD_QUALITIES

STEPS = {relation.name: relation.steps for relation in RELATIONS}
QUALITIES = len(CHORD_QUALITIES)


def key(tonic: int, minor: bool = False) -> int:
    """The value of a key."""
    return 1 + tonic % 12 + 12 * minor


def chord(root: int, quality: str) -> int:
    """The value of a chord."""
    return FIRST_CHORD + root % 12 * QUALITIES + CHORD_QUALITIES.index(quality)


def test_they_fit_the_table() -> None:
    """Each names a field and a source that there are, and counts its steps."""
    for relation in RELATIONS:
        kind = next(kind for kind in KINDS if kind.name == relation.kind)
        assert relation.field in kind.fields
        assert relation.link in {**SEEN_LINKS, **OWN_LINKS}
        sizes = FIELDS[relation.source].size, FIELDS[relation.field].size
        assert relation.steps.shape == sizes
        assert relation.steps.min() == -1
        assert relation.steps.max() == relation.count - 1


@pytest.mark.parametrize("shift", range(12))
def test_a_step_is_the_same_in_every_key(shift: int) -> None:
    """Source and value moved by as many semitones are as far apart as before."""
    low, high = np.arange(0, 100), np.arange(0, 100) + shift
    for minor in (False, True):
        in_key = STEPS["NOTE_pitch_style"]
        assert (in_key[key(2, minor)][low] == in_key[key(2 + shift, minor)][high]).all()
    for name in CHORD_QUALITIES:
        over = STEPS["NOTE_pitch_chord"]
        assert (over[chord(5, name)][low] == over[chord(5 + shift, name)][high]).all()
        function, change = STEPS["BAR_chord_style"], STEPS["CHORD_chord_chord"]
        moved = chord(7 + shift, name)
        assert function[key(2), chord(7, name)] == function[key(2 + shift), moved]
        assert change[chord(1, "m"), chord(7, name)] == change[chord(1 + shift, "m"), moved]
    after = STEPS["NOTE_pitch_before"]
    assert after[50, 57] == after[50 + shift, 57 + shift]


@pytest.mark.parametrize(
    ("name", "farthest"), [("onset_prior", 96), ("duration_before", 8), ("velocity_echo", 16)]
)
def test_more_and_less(name: str, farthest: int) -> None:
    """What is ordered is so much more or less than before; the same is a step of its own."""
    steps = STEPS[f"NOTE_{name}"]
    assert (np.diag(steps) == farthest).all()
    assert steps[3, 5] == farthest + 2
    assert steps[5, 3] == farthest - 2
    assert np.count_nonzero(steps[0] >= 0) == farthest + 1


def test_the_same_instrument() -> None:
    """An instrument is the same as the one that is echoed, or has no step from it."""
    steps = STEPS["NOTE_instrument_echo"]
    assert (steps == np.where(np.eye(len(steps), dtype=bool), 0, -1)).all()


def test_other_steps_are_others() -> None:
    """Degrees, tones, intervals and functions are told apart."""
    assert len(set(STEPS["NOTE_pitch_style"][1:, 60].tolist())) == 24
    assert len(set(STEPS["NOTE_pitch_chord"][FIRST_CHORD:, 60].tolist())) == 12 * QUALITIES
    assert len(set(STEPS["NOTE_pitch_echo"][60, 36:85].tolist())) == 49
    assert len(set(STEPS["CHORD_chord_style"][1:, chord(0, "7")].tolist())) == 24
    assert len(set(STEPS["BAR_chord_chord"][chord(0, ""), FIRST_CHORD:].tolist())) == 12 * QUALITIES


def test_nothing_to_hear() -> None:
    """Drums have no key and no chord, and what is unset or far away is no step."""
    assert (STEPS["NOTE_pitch_style"][0] == -1).all()
    assert (STEPS["NOTE_pitch_style"][:, DRUM_BASE:] == -1).all()
    assert (STEPS["NOTE_pitch_chord"][[0, NO_CHORD]] == -1).all()
    assert (STEPS["NOTE_pitch_chord"][:, DRUM_BASE:] == -1).all()
    assert (STEPS["BAR_chord_chord"][:, :FIRST_CHORD] == -1).all()
    after = STEPS["NOTE_pitch_before"]
    assert after[40, 65] == after[40, DRUM_BASE + 40] == after[DRUM_BASE + 36, DRUM_BASE + 38] == -1
    assert after[DRUM_BASE + 36, DRUM_BASE + 36] == 49
