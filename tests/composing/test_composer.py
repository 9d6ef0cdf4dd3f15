"""The Composer: a model that has learned nothing writes legal music, exactly as it was wished."""

import random
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from musegen.composing import composer as composing
from musegen.composing.composer import (
    MAX_BARS_UNASKED,
    Composer,
    Composition,
    chance,
    furnished,
    in_order,
    told,
)
from musegen.composing.draft import Draft
from musegen.composing.drawing import draw_row
from musegen.corpus.links import row_links
from musegen.corpus.windows import row_times
from musegen.errors import LabelError, WishError
from musegen.evaluation.wishing import random_wishes
from musegen.model.sampling import Sampling
from musegen.music.ongrid import is_on_grid
from musegen.music.score import Key, Marker
from musegen.music.timing import bar_lines
from musegen.tokens.codec import encode
from musegen.tokens.controls import Controls, SectionPlan, TrackPlan
from musegen.tokens.fields import BAR, CHORD, NOTE, SEEN_LINKS, Rows, as_rows
from musegen.tokens.head import head_rows
from musegen.tokens.limits import Limits
from tests.composing.busy import GENRES, blind_composer, busy_composer
from tests.music.tunes import line, piece
from tests.tokens.laws import kept


def lawful(found: Composition, wishes: Controls) -> None:
    """A composition keeps its wishes, and its rows are those of its score."""
    kept(found.score, wishes)
    bare = replace(found.score, keys=(), markers=())
    assert is_on_grid(bare)
    assert np.array_equal(encode(bare, found.controls, GENRES), found.rows)
    assert found.controls.genre == wishes.genre


@pytest.mark.slow
def test_forty_random_wishes() -> None:
    """Forty pieces with random wishes are legal, end, and keep every hard wish exactly."""
    chance = random.Random(1)
    for seed in range(40):
        wishes = random_wishes(chance, GENRES, most_bars=5)
        (found,) = blind_composer().compose(wishes, seed=seed)
        lawful(found, wishes)


def test_a_piece_longer_than_the_context() -> None:
    """Twelve bars with many more rows than the model can see are written to their end."""
    wishes = Controls(bars=12, meter=(4, 4), tracks=(TrackPlan(0),))
    (found,) = busy_composer().compose(wishes, seed=3)
    assert len(found.rows) > 1.5 * busy_composer().checkpoint.config.context
    lawful(found, wishes)
    bar = np.cumsum(found.rows[:, 0] == BAR)
    inside = np.isin(found.rows[:, 0], (NOTE, CHORD))
    assert np.bincount(bar[inside]).max() <= 128 // 4, "a bar leaves room for others"


def test_the_same_seed_composes_the_same_piece() -> None:
    """Twice the same wishes and seed, twice the same rows; another seed, another piece."""
    wishes = Controls(bars=2, genre="folk")
    first, again, other = (blind_composer().compose(wishes, seed=seed)[0] for seed in (7, 7, 8))
    assert np.array_equal(first.rows, again.rows)
    assert first.score == again.score
    assert not np.array_equal(first.rows, other.rows)


def test_a_piece_does_not_hear_those_beside_it() -> None:
    """Of three long pieces written side by side each is the one that it is alone."""
    wishes = Controls(meter=(4, 4), bars=24, tracks=(TrackPlan(0),))
    together = busy_composer().compose(wishes, seed=5, count=3)
    assert [found.number for found in together] == [0, 1, 2]
    assert all(len(found.rows) > 128 for found in together)
    assert len({found.rows.tobytes() for found in together}) == 3
    (alone,) = busy_composer().compose(wishes, seed=5, count=1)
    assert np.array_equal(alone.rows, together[0].rows)
    two = busy_composer().compose(wishes, seed=5, count=2)
    assert np.array_equal(two[1].rows, together[1].rows)


def now(window: Rows) -> tuple[Rows, np.ndarray, np.ndarray]:
    """The rows of a window, their times and links."""
    return window, row_times(window), row_links(window)[:, : len(SEEN_LINKS)]


def written_plainly(composer: Composer, wishes: Controls, seed: int, number: int) -> Rows:
    """The same piece without any cache: before each row the model reads its whole window anew."""
    context = composer.checkpoint.config.context
    wishes = told(wishes)
    limits = replace(Limits.of(wishes), steady=True, max_rows_per_bar=context // 4)
    draft = Draft(number, limits, head_rows(wishes, GENRES), chance(seed, number))
    stepper = composer.checkpoint.stepper(1)
    window, _, _ = draft.view(context)
    while not draft.grammar.finished:
        stepper.prefill(0, *now(window))
        row = draw_row(partial(stepper.draw, 0), draft, Sampling())
        draft.take(row)
        if len(window) == context:
            window, _, _ = draft.view(context)
        else:
            window = np.concatenate([window, as_rows([row])])
    return as_rows(draft.rows)


def test_the_cache_changes_nothing() -> None:
    """Three pieces side by side, longer than the context, are those that are written plainly."""
    wishes = Controls(meter=(4, 4), bars=14, tracks=(TrackPlan(0),))
    together = busy_composer().compose(wishes, seed=8, count=3)
    lengths = {len(found.rows) for found in together}
    assert min(lengths) > 128
    assert len(lengths) == 3, "each ends at its own time, and its slot is taken over"
    for found in together:
        plain = written_plainly(busy_composer(), wishes, 8, found.number)
        assert np.array_equal(found.rows, plain)


def test_more_pieces_than_are_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many pieces are written a few at a time, and are the same pieces."""
    wishes = Controls(track_count=2, meter=(2, 4), bars=1)
    at_once = blind_composer().compose(wishes, seed=2, count=5)
    monkeypatch.setattr(composing, "TOGETHER", 2)
    in_turn = blind_composer().compose(wishes, seed=2, count=5)
    for one, two in zip(at_once, in_turn, strict=True):
        assert one.number == two.number
        assert np.array_equal(one.rows, two.rows)


def test_the_model_chooses_what_is_not_wished() -> None:
    """Without any wish a piece has a meter, a tempo, instruments and at most 64 bars."""
    (found,) = blind_composer().compose(Controls(), seed=0)
    lawful(found, Controls())
    assert 1 <= len(bar_lines(found.score)) - 1 <= MAX_BARS_UNASKED
    assert len(found.score.meters) == len(found.score.tempos) == 1
    assert found.seed == 0


def test_somebody_can_watch() -> None:
    """Each bar of each piece is reported when it is finished, with how many there will be."""
    seen: dict[int, list[tuple[int, int | None]]] = {0: [], 1: []}
    wishes = Controls(bars=3, track_count=1)
    blind_composer().compose(
        wishes, count=2, watch=lambda piece, done, total: seen[piece].append((done, total))
    )
    assert seen == {n: [(0, 3), (1, 3), (2, 3), (3, 3)] for n in (0, 1)}


def test_the_likeliest_piece_is_the_same_for_all_seeds() -> None:
    """At temperature 0 chance has nothing to say."""
    wishes = Controls(bars=1, meter=(1, 4), track_count=1)
    sober = Sampling(temperature=0.0)
    one, two = (blind_composer().compose(wishes, sober, seed)[0] for seed in (1, 2))
    assert np.array_equal(one.rows, two.rows)


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        (Controls(tracks=(TrackPlan(0),), drums=True), "the instruments hold none"),
        (Controls(tracks=(TrackPlan(0, True),), drums=False), "the instruments hold some"),
        (Controls(tracks=(TrackPlan(0),), track_count=2), "2 tracks and 1 instruments"),
        (Controls(tracks=(TrackPlan(0),) * 16), "at most 15 pitched tracks"),
        (Controls(track_count=16, drums=False), "16 tracks need drums"),
    ],
)
def test_wishes_that_contradict_each_other(wishes: Controls, message: str) -> None:
    """No wish is dropped in silence: what cannot be kept together is refused in words."""
    with pytest.raises(WishError, match=message):
        blind_composer().compose(wishes)


def test_what_cannot_be_composed() -> None:
    """An unknown genre lists the known ones; no pieces and negative seeds are refused."""
    with pytest.raises(LabelError, match="unknown genre 'jazzz'; did you mean jazz"):
        blind_composer().compose(Controls(genre="jazzz"))
    with pytest.raises(WishError, match="at least one piece"):
        blind_composer().compose(count=0)
    with pytest.raises(WishError, match="seed -1 is negative"):
        blind_composer().compose(seed=-1)


def test_instruments_say_how_many_they_are() -> None:
    """Wished instruments tell the model their number and whether drums are among them."""
    wishes = told(Controls(tracks=(TrackPlan(0), TrackPlan(0, True))))
    assert (wishes.track_count, wishes.drums) == (2, True)
    assert told(Controls(drums=False)) == Controls(drums=False)


def test_a_piece_has_its_key_and_sections_marked() -> None:
    """The file says the key of the plan, and where each named section begins."""
    score = piece(line([60] * 12), bars=3)
    plan = Controls(
        key=(9, "minor"),
        sections=(SectionPlan(0, "A", 1), SectionPlan(1, "", 1), SectionPlan(2, "B", 1)),
    )
    marked = furnished(score, plan)
    assert marked.keys == (Key(0, 9, "minor"),)
    assert marked.markers == (Marker(0, "A"), Marker(192, "B"))
    assert furnished(score, Controls()).markers == ()
    (found,) = furnished(piece(line([60, 64, 67, 72, 65, 69, 71, 67, 60])), Controls()).keys
    assert found[1:] == (0, "major"), "the key that is heard where none was wished"


def test_tracks_come_in_the_order_of_the_grid() -> None:
    """Of two pianos the higher comes first, and its plan comes with it."""
    low, high = line([40]), line([80])
    plan = Controls(tracks=(TrackPlan(0, density=1.0), TrackPlan(0, density=2.0)))
    score, ordered = in_order(piece(low, high), plan)
    assert [track.notes[0, 2] for track in score.tracks] == [80, 40]
    assert [track.density for track in ordered.tracks] == [2.0, 1.0]
