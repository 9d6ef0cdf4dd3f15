"""What is said of a piece: measured controls."""

import pytest

from musegen.corpus.described import controls_of
from musegen.corpus.labels import Label
from musegen.music.score import Meter, Score, Tempo, Track, note_array
from musegen.tokens.codec import decode, encode
from musegen.tokens.controls import Controls

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def song(bars: int = 16) -> Score:
    """C major in 4/4 at 120: scales over held chords, with drums in its second half.

    The last bar is faster and in 3/4.
    """
    tune, chords, drums = [], [], []
    for bar in range(bars):
        line = bar * 96
        steps = SCALE if bar % 4 < 3 else SCALE[::-1]
        tune += [(line + 12 * i, 12, p, 90) for i, p in enumerate(steps) if bar + 1 < bars or i < 6]
        length = 96 if bar + 1 < bars else 72
        root = (48, 53, 55, 48)[bar % 4]
        chords += [(line, length, root + up, 50) for up in (0, 4, 7)]
        if bar >= bars // 2:
            drums += [(line, 6, 36, 110), (line + 48, 6, 38, 110)]
    last = 96 * (bars - 1)
    return Score(
        24,
        (
            Track(0, notes=note_array(chords)),
            Track(73, notes=note_array(tune)),
            Track(0, is_drum=True, notes=note_array(drums)),
        ),
        (Tempo.from_bpm(0, 120), Tempo.from_bpm(last, 180)),
        (Meter(0, 4, 4), Meter(last, 3, 4)),
        end=last + 72,
    )


def test_what_is_in_the_notes_is_said() -> None:
    """Key, meter, tempo, bars, tracks and drums of a plain song are found."""
    controls = controls_of(song(), Label("folk"))
    assert controls.genre == "folk"
    assert controls.key == (0, "major")
    assert controls.meter == (4, 4)
    assert controls.tempo == 120
    assert controls.bars == 16
    assert (controls.track_count, controls.drums) == (3, True)
    piano, flute, drums = controls.tracks
    assert (piano.program, piano.low, piano.high, piano.polyphony) == (0, 48, 62, 3)
    assert (flute.low, flute.high, flute.polyphony) == (60, 72, 1)
    assert (drums.low, drums.high, drums.polyphony, drums.loudness) == (None, None, None, 110)
    assert controls.density == pytest.approx((16 * 8 - 2 + 16 * 3 + 16) / 63)
    assert len(controls.plan) == 16
    assert controls.plan[0].back == 0
    assert controls.plan[0].density == pytest.approx(11 / 4)
    assert (controls.plan[15].density or 0) == pytest.approx(11 / 3)
    assert {chord.bar for chord in controls.chords} == set(range(16))
    assert (controls.chords[0].root, controls.chords[0].onset) == (0, 0)
    assert sum(section.bars for section in controls.sections) == 16
    assert controls.valence is not None
    assert controls.arousal is not None


def test_sections_are_measured_each_for_itself() -> None:
    """Where drums come in, a section is denser than one without them."""
    controls = controls_of(song(32))
    first, last = controls.sections[0], controls.sections[-1]
    assert first.bar == 0
    assert (last.density or 0) > (first.density or 0)
    assert (last.loudness or 0) > (first.loudness or 0)
    assert first.density == pytest.approx(11 / 4)
    assert first.loudness == pytest.approx((8 * 90 + 3 * 50) / 11)


def test_controls_survive_the_trip_through_rows() -> None:
    """What is measured is in the range of the event table."""
    score, genres = song(), ("folk",)
    controls = controls_of(score, Label("folk"))
    assert decode(encode(score, controls, genres), genres) == (score, controls.on_grid())


def test_mood_is_measured_unless_labels_are_trusted() -> None:
    """A label's numbers count only where they were asked for, and only both together."""
    measured = controls_of(song())
    told = Label(valence=-1.0, arousal=1.0)
    for label, mood_from, expected in (
        (told, "measured", (measured.valence, measured.arousal)),
        (told, "labels", (-1.0, 1.0)),
        (Label(valence=-1.0), "labels", (measured.valence, measured.arousal)),
    ):
        controls = controls_of(song(), label, mood_from)  # type: ignore[arg-type]
        assert (controls.valence, controls.arousal) == expected


def test_what_cannot_be_said_is_left_unsaid() -> None:
    """A drum solo has no key and no polyphony; more than 512 bars are not counted."""
    drums = [(48 * i, 6, 36 + i % 3, 100) for i in range(1200)]
    solo = Score(24, (Track(0, True, notes=note_array(drums)),), end=600 * 96)
    controls = controls_of(solo)
    assert (controls.key, controls.polyphony, controls.bars) == (None, None, None)
    assert controls.drums is True
    chromatic = [(24 * i, 24, 48 + i % 12, 100) for i in range(96)]
    assert controls_of(Score(24, (Track(0, notes=note_array(chromatic)),), end=2304)).key is None


def test_a_piece_between_two_keys_has_none() -> None:
    """D, F, A and C alone may be D minor or F major: no key is said."""
    chord = [(96 * bar, 96, pitch, 80) for bar in range(16) for pitch in (62, 65, 69, 72)]
    assert controls_of(Score(24, (Track(0, notes=note_array(chord)),), end=96 * 16)).key is None


def test_a_silent_section_has_no_mood() -> None:
    """Long rests do not stop the measuring."""
    notes = [(12 * i, 12, 60 + i % 5, 80) for i in range(64)]
    notes += [(96 * 40 + 12 * i, 12, 62 + i % 7, 80) for i in range(64)]
    controls = controls_of(Score(24, (Track(0, notes=note_array(notes)),), end=96 * 48))
    assert isinstance(controls, Controls)
    assert sum(section.bars for section in controls.sections) == 48
    silent = [section for section in controls.sections if section.density == 0]
    assert silent
    assert {(s.valence, s.arousal, s.loudness) for s in silent} == {(None, None, None)}
