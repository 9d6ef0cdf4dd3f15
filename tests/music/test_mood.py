"""Mood follows the cues that listeners go by: mode, tempo, loudness, height, roughness."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.errors import WishError
from musegen.music.mood import CUES, NAMED_MOODS, measure_cues, mood, mood_point, section_moods
from musegen.music.score import Score
from tests.music.tunes import BAR, QUARTER, chord, later, line, piece, up

MAJOR = [(0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)]
MINOR = [(0, 3, 7), (5, 8, 12), (7, 10, 14), (0, 3, 7)]

Rows = list[tuple[int, int, int, int]]
Triad = tuple[int, int, int]


def cadence(
    triads: Sequence[Triad] = MAJOR,
    *,
    step: int = QUARTER,
    length: int = 0,
    loud: int = 78,
    low: int = 60,
) -> Rows:
    """Four bars of chords, struck once a `step`."""
    rows: Rows = []
    for bar, triad in enumerate(triads):
        for tone in triad:
            strikes = line([low + tone] * (BAR // step), step=step, length=length, loud=loud)
            rows += later(strikes, bar)
    return rows


def mood_of(rows: Rows, *, bpm: float = 110, drums: Rows | None = None) -> tuple[float, float]:
    """Valence and arousal of four bars."""
    return mood(piece(rows, bars=4, bpm=bpm, drums=drums))


def test_major_is_more_pleasant_than_minor() -> None:
    """The same chords in major have more valence, and about the same arousal."""
    (bright, same), (dim, as_before) = mood_of(cadence(MAJOR)), mood_of(cadence(MINOR))
    assert bright > dim + 0.3
    assert same == pytest.approx(as_before, abs=0.1)


def test_faster_is_more_exciting_and_a_little_happier() -> None:
    """Twice the tempo raises arousal much and valence some."""
    slow, fast = mood_of(cadence(), bpm=70), mood_of(cadence(), bpm=140)
    assert fast[1] > slow[1] + 0.3
    assert fast[0] > slow[0]


@pytest.mark.parametrize(
    ("calm", "excited"),
    [
        (cadence(loud=50), cadence(loud=100)),
        (cadence(step=48), cadence(step=12)),
        (cadence(), cadence(length=6)),
        (cadence(), [*cadence(), *later(chord([61, 66], length=3 * BAR), 0)]),
        (cadence(), up(cadence(), 12)),
    ],
    ids=["louder", "denser", "staccato", "rougher", "higher"],
)
def test_what_makes_music_more_exciting(calm: Rows, excited: Rows) -> None:
    """Louder, denser, shorter, rougher and higher music is more exciting."""
    assert mood_of(excited)[1] > mood_of(calm)[1]


def test_drums_excite() -> None:
    """A beat under the same chords raises arousal."""
    beat = [row for bar in range(4) for row in later(line([36, 42, 38, 42] * 2, step=12), bar)]
    assert mood_of(cadence(), drums=beat)[1] > mood_of(cadence())[1]


def test_roughness_is_unpleasant() -> None:
    """The same notes, paired in seconds instead of thirds and fifths, are less pleasant."""
    smooth = [*line([60, 62, 67, 69]), *line([64, 65, 71, 72])]
    rough = [*line([60, 64, 67, 71]), *line([62, 65, 69, 72])]
    pleasant, unpleasant = (mood(piece(rows))[0] for rows in (smooth, rough))
    assert unpleasant < pleasant - 0.1


@pytest.mark.parametrize("semitones", [-3, -2, 1, 4])
def test_the_key_itself_does_not_matter(semitones: int) -> None:
    """Transposed a little, music keeps its mood but for what its height does."""
    home, moved = mood_of(cadence()), mood_of(up(cadence(), semitones))
    assert moved == pytest.approx(home, abs=0.15)


def test_happy_tense_sad_and_calm_lie_in_their_quarters() -> None:
    """Extremes of tempo, loudness, mode and touch land in the four quarters of the plane."""
    fast = {"step": 12, "length": 6, "loud": 110}
    slow = {"step": 96, "loud": 42}
    happy = mood_of(cadence(MAJOR, **fast), bpm=150)
    tense = mood_of(cadence(MINOR, low=48, **fast), bpm=150)
    sad = mood_of(cadence(MINOR, **slow), bpm=60)
    calm = mood_of([*cadence(MAJOR, low=66, **slow)], bpm=80)
    assert happy[0] > 0 < happy[1]
    assert tense[1] > 0
    assert tense[0] < happy[0] - 0.5
    assert sad[0] < 0 > sad[1]
    assert calm[1] < 0 < calm[0]


def test_a_section_that_is_the_whole_piece_has_its_mood() -> None:
    """One section from the first bar has the mood of the piece."""
    score = piece(cadence(), bars=4)
    assert section_moods(score, [0]) == [pytest.approx(mood(score))]


def test_sections_have_moods_of_their_own() -> None:
    """A quiet minor part after a loud major part is lower on both axes, each as if alone."""
    loud, quiet = cadence(MAJOR, step=12, loud=110), cadence(MINOR, step=96, loud=40)
    whole = piece([*loud, *later(quiet, 4)], bars=8)
    first, second = section_moods(whole, [0, 4])
    assert first == pytest.approx(mood(piece(loud, bars=4)), abs=0.02)
    assert second == pytest.approx(mood(piece(quiet, bars=4)), abs=0.02)
    assert second[0] < first[0]
    assert second[1] < first[1]


def test_silence_is_still() -> None:
    """Nothing that sounds is neither pleasant nor unpleasant, and not excited."""
    assert mood(Score(QUARTER)) == (0.0, -1.0)
    assert section_moods(piece(chord([60]), bars=8), [0, 4])[1] == (0.0, -1.0)


rows = st.lists(
    st.tuples(
        st.integers(0, 4 * BAR - 1),
        st.integers(1, BAR),
        st.integers(0, 127),
        st.integers(1, 127),
    ),
    max_size=30,
)


@given(rows, rows, st.integers(16, 300))
def test_any_music_has_a_mood_in_the_plane(tune: Rows, beat: Rows, bpm: int) -> None:
    """Both numbers are finite and lie between -1 and 1, whatever is played."""
    points = [mood_of(tune, bpm=bpm, drums=beat or None)]
    points += section_moods(piece(tune, bars=4, bpm=bpm), [0, 1, 3])
    assert np.isfinite(points).all()
    assert (np.abs(points) <= 1).all()


def test_every_cue_is_measured() -> None:
    """The table of cues and what is measured have the same names in the same order."""
    assert list(measure_cues(piece(cadence(), bars=4), np.array([0, 4 * BAR]))) == list(CUES)


def test_named_moods_lie_where_their_names_say() -> None:
    """Happy and calm are pleasant, sad and tense are not; tense and energetic are excited."""
    assert mood_point("calm") == (0.6, -0.7)
    assert mood_point(" Happy ") == NAMED_MOODS["happy"]
    signs = {name: tuple(np.sign(mood_point(name))) for name in ("happy", "tense", "sad", "calm")}
    assert signs == {"happy": (1, 1), "tense": (-1, 1), "sad": (-1, -1), "calm": (1, -1)}
    assert all(-1 <= axis <= 1 for point in NAMED_MOODS.values() for axis in point)


def test_an_unknown_mood_is_an_error_that_lists_the_known() -> None:
    """A misspelt mood is met with the nearest one that is known."""
    with pytest.raises(WishError, match="unknown mood 'hapy'; did you mean happy"):
        mood_point("hapy")


@pytest.mark.corpus
def test_real_music_fills_the_plane(corpus_folder: Path) -> None:
    """Over real pieces of every source both axes are about centred and well spread."""
    from musegen.music.read import read_midi
    from musegen.music.transform import quantise

    paths = sorted(corpus_folder.rglob("*.mid"))[::100]
    points = np.array([mood(quantise(read_midi(path))[0]) for path in paths])
    assert np.abs(points.mean(axis=0)).max() < 0.3
    assert points.std(axis=0).min() > 0.25
    assert points.std(axis=0).max() < 0.6
