"""What nobody wished for is laid out as in a piece that was learned from."""

from dataclasses import replace

import numpy as np
import pytest

from musegen.composing.composer import Composer, chance
from musegen.composing.precedents import Precedents, filled_in
from musegen.corpus.collection import collect
from musegen.corpus.precedents import precedents_of
from musegen.tokens.controls import Chord, Controls, SectionPlan, TrackPlan
from musegen.tokens.fields import BAR, END, NOTE, STYLE, TRACK, as_rows, row
from musegen.tokens.head import head_rows, track_row
from musegen.tokens.limits import Limits
from tests.model.tiny import tiny_checkpoint

GENRES = ("folk", "jazz")
FIDDLE, BASS, KIT = (
    TrackPlan(40, low=56, high=84),
    TrackPlan(33, low=28, high=52),
    TrackPlan(0, True),
)
FOLK = Controls(
    genre="folk", valence=0.6, arousal=0.2, key=(2, "major"), density=2.0, polyphony=1.5,
    loudness=76.0, bars=32, meter=(6, 8), tempo=120, track_count=1, drums=False, tracks=(FIDDLE,),
)  # fmt: skip
SAD = replace(FOLK, valence=-0.6, key=(9, "minor"), tempo=60, meter=(3, 4))
JAZZ = replace(
    FOLK, genre="jazz", meter=(4, 4), tempo=180, track_count=2, drums=True, tracks=(BASS, KIT)
)
PIECES = FOLK, SAD, JAZZ


def rows_of(controls: Controls) -> list[list[int]]:
    """HEAD as rows."""
    return head_rows(controls, GENRES) + [track_row(track, 0) for track in controls.tracks]


def laid_out(*pieces: Controls) -> Precedents:
    """Precedents that are laid out like this."""
    return Precedents.of(as_rows([line for piece in pieces for line in rows_of(piece)]), GENRES)


ALL = laid_out(*PIECES)
ROWS = ALL.rows


def drawn(wishes: Controls, count: int = 40) -> list[Controls | None]:
    """What is drawn for a wish, many times."""
    return [ALL.draw(wishes, np.random.default_rng(seed)) for seed in range(count)]


def test_they_come_back_from_rows() -> None:
    """A checkpoint's HEAD rows are the controls that they were."""
    assert tuple(ALL.piece(number) for number in range(len(ALL))) == PIECES
    assert len(Precedents.of(None, GENRES)) == 0
    assert Precedents.of(None, GENRES).draw(Controls(), np.random.default_rng(0)) is None


def test_the_nearest_is_likeliest() -> None:
    """Of the genre always, and near in mood, tempo, mode and meter."""
    assert all(found in (FOLK, SAD) for found in drawn(Controls(genre="folk")))
    assert all(piece in drawn(Controls()) for piece in PIECES)
    assert all(found == SAD for found in drawn(Controls(genre="folk", valence=-0.5)))
    assert all(found == FOLK for found in drawn(Controls(genre="folk", tempo=118)))
    by_mode = drawn(Controls(genre="folk", key=(4, "minor")), 200)
    assert sum(found == SAD for found in by_mode) > 180
    by_meter = drawn(Controls(genre="folk", meter=(6, 8)), 200)
    assert sum(found == FOLK for found in by_meter) > 190


def test_what_must_be_kept() -> None:
    """Drums or none, and how many tracks: another precedent cannot serve."""
    assert all(found == JAZZ for found in drawn(Controls(drums=True)))
    assert all(found in (FOLK, SAD) for found in drawn(Controls(track_count=1)))
    assert drawn(Controls(genre="folk", drums=True), 1) == [None]
    assert drawn(Controls(genre="folk", drums=True, tracks=(FIDDLE, KIT)), 1) != [None]


def test_only_what_is_not_wished_is_filled() -> None:
    """Every wish stays; the rest is the precedent's, its registers moved with the key."""
    filled = filled_in(Controls(tempo=99, key=(5, "major"), loudness=50.0), FOLK)
    assert (filled.tempo, filled.key, filled.loudness) == (99, (5, "major"), 50.0)
    assert (filled.genre, filled.meter, filled.density) == ("folk", (6, 8), 2.0)
    assert filled.tracks == (replace(FIDDLE, low=59, high=87),)
    assert filled.bars is None
    mine = filled_in(Controls(tracks=(BASS,)), FOLK)
    assert mine.tracks == (BASS,)
    assert mine.track_count is None


def test_wished_instruments_play_as_the_precedents_do() -> None:
    """Each takes the plan of one track of its instrument; what is said of a track stays."""
    busy = replace(FIDDLE, density=2.0, polyphony=1.0)
    folk = replace(FOLK, tracks=(busy,), key=(0, "major"))
    bare = TrackPlan(40)
    filled = filled_in(Controls(tracks=(bare, bare, TrackPlan(0)), key=(2, "major")), folk)
    assert filled.tracks == (replace(busy, low=58, high=86), bare, TrackPlan(0))
    said = replace(bare, span=(60, 72))
    assert filled_in(Controls(tracks=(said,)), folk).tracks == (said,)
    wishes = Controls(tracks=(bare,), bars=2)
    limits = laid_out(folk).limits(wishes, Limits.of(wishes), np.random.default_rng(0))[1]
    assert limits.tracks == (busy,)
    assert not limits.suggested


@pytest.mark.parametrize(
    "wishes",
    [
        Controls(chords=(Chord(0, 0, 0, "m"),)),
        Controls(scale=(0, 2, 4)),
    ],
)
def test_a_key_would_contradict(wishes: Controls) -> None:
    """Chords and a scale say the key already."""
    assert filled_in(wishes, FOLK).key is None


def test_sections_that_name_instruments_have_them() -> None:
    """No track is added to those of the sections."""
    sections = (SectionPlan(0, "A", 4, instruments=((0, False),)),)
    assert filled_in(Controls(sections=sections), FOLK).tracks == ()


def test_sections_and_their_instruments_are_kept() -> None:
    """A precedent says tempo and meter of a piece whose sections say who plays."""
    both = ((0, False), (40, False))
    sections = (SectionPlan(0, "A", 4, instruments=both),)
    wishes = Controls(sections=sections, tracks=(TrackPlan(0), TrackPlan(40)), bars=4)
    found = laid_out(JAZZ).limits(wishes, Limits.of(wishes), np.random.default_rng(0))
    assert found[1].instruments == both
    assert found[1].tempos == ((0, 180),)
    assert not found[1].suggested


def test_limits_of_both() -> None:
    """Tempo, meter and instruments are the precedent's, and nobody is owed a note."""
    wishes = Controls(genre="jazz", bars=4)
    filled, limits = ALL.limits(wishes, Limits.of(wishes), np.random.default_rng(0))
    assert filled.tempo == 180
    assert limits.meters == ((0, (4, 4)),)
    assert limits.tempos == ((0, 180),)
    assert limits.instruments == ((33, False), (0, True))
    assert limits.suggested
    assert limits.bars == 4


def test_wishes_win() -> None:
    """Where a precedent contradicts what is wished, it is left alone."""
    wishes = Controls(genre="folk", max_polyphony=1, bars=4)
    narrow = laid_out(replace(FOLK, track_count=2, tracks=(BASS, FIDDLE)))
    limits = Limits.of(wishes)
    assert narrow.limits(wishes, limits, np.random.default_rng(0)) == (wishes, limits)


def test_pieces_are_laid_out_like_them() -> None:
    """Composed with precedents a piece has their instruments; alone, whatever the model likes."""
    composer = Composer(replace(tiny_checkpoint(GENRES), precedents=ROWS))
    for seed in range(4):
        (piece,) = composer.compose(Controls(genre="jazz", bars=3), seed=seed)
        assert {(t.program, t.is_drum) for t in piece.score.tracks} <= {(33, False), (0, True)}
        assert piece.score.tempos[0].bpm == pytest.approx(180, abs=0.01)
        assert piece.score.meters[0].numerator == 4
    alone = composer.compose(Controls(genre="jazz", bars=3), seed=0, alone=True)[0]
    blind = Composer(tiny_checkpoint(GENRES)).compose(Controls(genre="jazz", bars=3), seed=0)[0]
    assert np.array_equal(alone.rows, blind.rows)
    assert not np.array_equal(chance(0, 0).random(3), chance(0, 0, 2).random(3))


def test_they_are_taken_from_training_pieces() -> None:
    """HEAD and nothing else, of pieces that are learned from and count for something."""
    body = [row(BAR, bars_left=0, meter=4, tempo=100), row(NOTE, pitch=60), row(END)]
    pieces = [as_rows(rows_of(one) + body) for one in PIECES]
    collection = collect(pieces, held_out=[False, True, False])
    found = precedents_of(collection, np.array([1.0, 1.0, 1.0]))
    assert np.array_equal(found, as_rows(rows_of(FOLK) + rows_of(JAZZ)))
    assert set(found[:, 0].tolist()) <= {STYLE, STYLE + 1, TRACK}
    unloved = precedents_of(collection, np.array([0.0, 1.0, 1.0]))
    assert np.array_equal(unloved, as_rows(rows_of(JAZZ)))
    assert len(precedents_of(collect(pieces, held_out=[True] * 3), np.ones(3))) == 0
