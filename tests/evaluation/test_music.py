"""The whole comparison, on pieces made by rule: what is alike looks alike, what is not does not."""

from collections.abc import Iterator

import numpy as np
import pytest

from musegen.composing.composer import Composer
from musegen.corpus.collection import collect
from musegen.evaluation import comparing
from musegen.evaluation.form import (
    FormReport,
    asked_of,
    at_rest,
    form_report,
    long_at_last,
    on_the_tonic,
)
from musegen.evaluation.music import (
    BARS,
    COMPOSED,
    EVERYTHING,
    NGRAM,
    OTHERS,
    PITCHES,
    UNIFORM,
    MusicReport,
    compared,
    music_report,
)
from musegen.evaluation.players import Player
from musegen.evaluation.report import form_parts, music_parts
from musegen.evaluation.sets import Excerpt
from musegen.evaluation.statistics import NOTES, SOUND, STATISTICS
from musegen.music.score import Score
from musegen.render.report import as_markdown, as_page
from tests.corpus.pieces import made_piece
from tests.music.tunes import BAR, chord, later, line, piece

GENRES = ("folk", "jazz")
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def tune(seed: int, wide: bool = False) -> Score:
    """Ten bars in C: small steps, or wide ones, and a long last note on the tonic."""
    chance = np.random.default_rng(seed)
    rows = []
    place = 4
    for bar in range(9):
        for beat in range(8):
            move = 5 if wide else 1
            place = (place + int(chance.integers(-move, move + 1))) % 8
            rows.append((bar * BAR + beat * 12, 12, SCALE[place], 78))
    return piece(rows, later(chord([36, 48, 52, 55]), 9), bars=10)


def excerpts(seeds: range, wide: bool = False) -> list[Excerpt]:
    """Tunes of two genres, each of its own origin."""
    scores = [tune(seed, wide) for seed in seeds]
    return [
        Excerpt(score, GENRES[n % 2], seed, score)
        for n, (seed, score) in enumerate(zip(seeds, scores, strict=True))
    ]


@pytest.mark.slow
def test_wide_steps_are_heard() -> None:
    """Tunes by the same rule pass for each other; those of wider steps are found, and said why."""
    like, same, wide = excerpts(range(40)), excerpts(range(100, 140)), excerpts(range(40, 80), True)
    report = compared(like, {COMPOSED: wide, OTHERS: same}, 10)
    bad, good = report.sets[COMPOSED], report.sets[OTHERS]
    assert bad.told[EVERYTHING].low > 0.9
    assert bad.told[NOTES].low > 0.9
    assert 0.3 < bad.told[SOUND].value < 0.7, "instruments and loudness are the same"
    assert good.told[EVERYTHING].low < 0.6
    assert bad.intervals.low > good.intervals.high
    assert bad.distance.low > good.distance.value
    assert {name.split()[0] for name, _ in report.telling[:5]} <= {
        "interval", "repeat_1", "self_similarity", "new_bars", "repeat_4", "repeat_8",
    }  # fmt: skip
    assert sum(inside for inside, _ in good.inside.values()) > sum(
        inside for inside, _ in bad.inside.values()
    )
    assert all(genres == 2 for _, genres in good.inside.values())
    assert good.inside["scale_consistency"] == (2, 2)


def test_endings() -> None:
    """A long tonic at the end is an end; a tune that just stops is none."""
    ended, cut = tune(1), piece(line([62, 64] * 20, step=24), bars=10)
    for question in (on_the_tonic, long_at_last, at_rest):
        assert question(ended) == 1, question
        assert question(cut) == 0, question
    drums = piece(drums=line([36] * 40), bars=10)
    assert (on_the_tonic(drums), long_at_last(drums), at_rest(drums)) == (0, 0, 0)


def test_form_of_what_repeats() -> None:
    """Pieces that go round four bars repeat them exactly; those cut off are judged apart."""
    bars = [line([60 + n, 72 - n], step=48) for n in (0, 3, 7, 10)]
    rows = [note for n in range(20) for note in later(bars[n % 4], n)]
    score = piece(rows, bars=20)
    around = [Excerpt(score, "folk", 0, score)] * 3
    cut = [Excerpt(tune(1), "folk", 1, score), around[0]]
    found = asked_of(around, excerpts(range(3)), around, cut, 20)
    assert found.repeats["compositions"]["bars that repeat one exactly"].value == pytest.approx(0.8)
    assert found.repeats["real pieces"]["bars that repeat one exactly"].value < 0.5
    assert found.likeness["compositions"][3] == pytest.approx(1, abs=1e-5)
    assert found.ended == {
        "compositions": 3, "real pieces, whole": 2, "real pieces, cut off": 1,
    }  # fmt: skip
    assert found.endings["real pieces, cut off"]["the bass rests on the tonic"].value == 1


@pytest.fixture(scope="module", autouse=True)
def _few_trees() -> Iterator[None]:
    """Small forests and few draws: the tests' sets lie far apart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "TREES", 20)
        patch.setattr(comparing, "ROUNDS", 1)
        patch.setattr(comparing, "DRAWS", 200)
        yield


@pytest.fixture(scope="module")
def reports() -> tuple[MusicReport, FormReport]:
    """The whole comparison of a composer that knows nothing."""
    rows = [made_piece(s, bars=22, genre=1 + s % 2) for s in range(24)]
    collection = collect(rows, held_out=[s < 12 for s in range(24)])
    composer = Composer(Player(GENRES))
    done: list[tuple[int, int]] = []
    music = music_report(composer, collection, 12, 10, 10, progress=lambda *now: done.append(now))
    assert done[-1] == (32, 32)
    assert done == sorted(done)
    form = form_report(composer, collection, music.made.pieces, music.real.pieces, 4, 20)
    return music, form


@pytest.mark.slow
def test_the_whole_report(reports: tuple[MusicReport, FormReport]) -> None:
    """Every set is compared; the page says every statistic, set, genre and question."""
    music, form = reports
    assert list(music.sets) == [COMPOSED, OTHERS, BARS, PITCHES, NGRAM, UNIFORM]
    assert [found.pieces for found in music.sets.values()] == [12, 12, 12, 12, 10, 10]
    assert music.sets[UNIFORM].told[EVERYTHING].value > 0.9
    assert form.pieces == {"compositions": 4, "real pieces": 12}
    parts = [*music_parts(music), *form_parts(form)]
    text = as_markdown(parts)
    for name in (*music.sets, *GENRES, *(s.title for s in STATISTICS.values()), *form.endings):
        assert name in text
    page = as_page("all", parts)
    assert page.count("<svg") == 3
    assert page.count("<table>") == 6
