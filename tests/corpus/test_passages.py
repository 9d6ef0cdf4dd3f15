"""Passages that pieces share: found in any key and part, and nothing else is taken for one."""

import numpy as np
import pytest

from musegen.corpus.passages import Passages, longest_shared, steps_of
from musegen.music.score import Score
from musegen.tokens.codec import encode
from musegen.tokens.controls import Controls
from musegen.tokens.fields import Rows
from tests.music.tunes import line, piece


def rows(score: Score) -> Rows:
    """The rows of a score, with no wish."""
    return encode(score, Controls(), ())


def tune(seed: int, notes: int = 40) -> list[int]:
    """A melody that no other seed has."""
    return [60 + int(step) for step in np.random.default_rng(seed).integers(0, 24, notes)]


def of(melody: list[int], **more: object) -> Rows:
    """A piece with this melody, a note every 12 steps."""
    return rows(piece(line(melody, step=12), bars=8, **more))  # type: ignore[arg-type]


def test_a_quotation_is_found_in_another_key() -> None:
    """Twelve notes of another piece, a third higher, are twelve notes shared with that piece."""
    others = [of(tune(seed)) for seed in (1, 2, 3)]
    mine = tune(9)
    mine[10:22] = [pitch + 4 for pitch in tune(2)[5:17]]
    (found,) = longest_shared([of(mine)], others)
    assert found.notes == 12
    assert found.of == 1
    assert found.fraction == pytest.approx(12 / 40)


@pytest.mark.parametrize("length", [3, 7, 25, 40])
def test_passages_of_any_length(length: int) -> None:
    """As long as the quotation is, so long is what is found."""
    mine = tune(9)
    mine[:length] = tune(1)[:length]
    assert Passages([of(tune(1))]).longest(of(mine)).notes == length


def test_other_rhythm_is_another_passage() -> None:
    """The same pitches at other times are not the same passage."""
    slower = rows(piece(line(tune(1)[:16], step=24), bars=8))
    assert Passages([of(tune(1))]).longest(slower).notes <= 1


def test_drums_and_track_ends_are_no_passages() -> None:
    """A beat that all share is not counted, and no passage runs from one part into the next."""
    beat = line([36, 38] * 8, step=24)
    with_drums = Passages([of(tune(1), drums=beat)])
    assert with_drums.longest(of(tune(2), drums=beat)).notes < 6
    steps, notes = steps_of(of(tune(1), drums=beat))
    assert notes == 40
    assert len(steps) == 39


def test_parts_do_not_run_into_each_other() -> None:
    """Where one part ends as in another piece and the next begins as there, that is no passage."""

    def two_parts(seed: int) -> Rows:
        high = [pitch + 24 for pitch in tune(seed, 20) + tune(50, 5)]
        low = [pitch - 24 for pitch in tune(51, 5) + tune(seed + 10, 20)]
        return rows(piece(line(high, step=12), line(low, step=12), bars=4))

    assert Passages([two_parts(1)]).longest(two_parts(2)).notes == 5


def test_pieces_do_not_run_into_each_other() -> None:
    """The end of one piece and the beginning of the next are no passage, nor is silence one."""
    joined = tune(1)[-10:] + tune(2)[:10]
    assert Passages([of(tune(1)), of(tune(2))]).longest(of(joined)).notes == 10
    assert Passages([]).longest(of(tune(1))).notes == 0
    assert Passages([of(tune(1))]).longest(of([60])).notes == 0
