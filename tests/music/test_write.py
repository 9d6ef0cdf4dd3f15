"""Writing MIDI: every point that a DAW needs, and reading it again."""

import io
from collections import Counter
from dataclasses import replace

import mido
import pytest
from hypothesis import given

from musegen.errors import OutputError
from musegen.music import timing
from musegen.music.read import read_midi
from musegen.music.score import Key, Marker, Meter, Note, Score, Tempo, Track, note_array
from musegen.music.transform import quantise
from musegen.music.write import midi_bytes, write_midi
from tests.strategies import grid_scores, scores, written_scores


def opened(score: Score, **rest: object) -> mido.MidiFile:
    """The written file as another library reads it."""
    content = midi_bytes(score, **rest)  # type: ignore[arg-type]
    return mido.MidiFile(file=io.BytesIO(content), charset="utf-8")


def band() -> Score:
    """Two pianos and drums, with all that a conductor holds."""
    notes = note_array([(0, 24, 60, 66), (24, 24, 60, 70)])
    return Score(
        24,
        (
            Track(0, notes=notes),
            Track(0, notes=notes),
            Track(32, True, notes=note_array([(0, 6, 36, 98)])),
        ),
        tempos=(Tempo(0, 600_000), Tempo(96, 500_000)),
        meters=(Meter(0, 4, 4), Meter(96, 6, 8)),
        keys=(Key(0, 9, "minor"),),
        markers=(Marker(0, "Verse"), Marker(96, "Refrän ♯")),
        end=120,
    )


@given(written_scores())
def test_what_is_written_is_read_again(score):
    """Ticks, pitches, velocities, programs, tempo, meter, key, markers, names: all as they were."""
    again = read_midi(midi_bytes(score))
    assert again.ticks_per_quarter == score.ticks_per_quarter
    # A reader orders tracks by their place in the file, as the writer wrote them.
    assert again.tracks == score.tracks
    assert again.tempos == score.tempos
    assert again.meters == score.meters
    assert again.keys == score.keys
    assert again.markers == score.markers
    assert again.end == score.end


@given(grid_scores())
def test_a_score_on_the_grid_survives_the_trip_through_a_file(score):
    """Written, read and brought to the grid again, every piece is itself."""
    again, report = quantise(read_midi(midi_bytes(score)), keep_silence=True)
    assert again == score
    assert set(report.changes) <= {"names_left_out", "keys_left_out", "markers_left_out"}


@given(scores())
def test_every_score_becomes_a_sound_file(score):
    """Whatever is written: a release for every note, no note on top of another, one common end."""
    file = opened(score)
    assert file.type == 1
    ends = {sum(message.time for message in track) for track in file.tracks}
    assert len(ends) == 1
    for track in file.tracks:
        now, sounding = 0, Counter()
        for message in track:
            now += message.time
            assert message.type != "note_on" or message.velocity > 0
            if message.type == "note_on":
                sounding[message.note] += 1
                assert sounding[message.note] == 1
            if message.type == "note_off":
                sounding[message.note] -= 1
                assert sounding[message.note] == 0
                assert message.velocity == 64
        assert not any(sounding.values())


def test_the_conductor_comes_first_and_holds_no_notes():
    """Tempo, meter, key and markers stand in a track of their own, at their ticks."""
    file = opened(band(), texts=["recipe ♯"])
    now, found = 0, []
    for message in file.tracks[0]:
        now += message.time
        found.append((now, message.type))
    assert found == [
        (0, "track_name"),
        (0, "text"),
        (0, "time_signature"),
        (0, "set_tempo"),
        (0, "key_signature"),
        (0, "marker"),
        (1920, "time_signature"),
        (1920, "set_tempo"),
        (1920, "marker"),
        (3360, "end_of_track"),
    ]
    assert file.tracks[0][1].text == "recipe ♯"
    assert file.tracks[0][-2].text == "Refrän ♯"
    assert file.ticks_per_beat == 480


def test_every_track_has_a_name_a_channel_and_an_instrument_before_its_notes():
    """One channel for each track, the tenth for drums alone; key, bank and program at the start."""
    file = opened(band())
    assert [track.name for track in file.tracks] == [
        "Conductor",
        "Acoustic Grand Piano",
        "Acoustic Grand Piano 2",
        "Drums",
    ]
    channels = [
        {message.channel for message in track if not message.is_meta} for track in file.tracks[1:]
    ]
    assert channels == [{0}, {1}, {9}]
    for track, program in zip(file.tracks[1:], (0, 0, 32), strict=True):
        kinds = [message.type for message in track]
        assert kinds[:6] == [
            "track_name",
            "key_signature",
            "control_change",
            "control_change",
            "program_change",
            "note_on",
        ]
        assert [(m.control, m.value) for m in track if m.type == "control_change"] == [
            (0, 0),
            (32, 0),
        ]
        assert [m.program for m in track if m.type == "program_change"] == [program]


def test_a_release_comes_before_the_next_note_at_its_tick():
    """A repeated note is struck again, not cut off."""
    kinds = [m.type for m in opened(band()).tracks[1] if m.type.startswith("note")]
    assert kinds == ["note_on", "note_off", "note_on", "note_off"]


def test_all_tracks_end_together_on_a_bar_line():
    """The end of the file is the first bar line at or after the end of the piece."""
    for track in opened(band()).tracks:
        assert sum(message.time for message in track) == 1920 + 1440
        assert [m.type for m in track].count("end_of_track") == 1


def test_clicks_fall_on_beats():
    """A click a quarter in 4/4, a dotted quarter in 6/8, an eighth in 5/8."""
    for meter, clocks in (((4, 4), 24), ((6, 8), 36), ((5, 8), 12), ((2, 2), 48), ((3, 8), 12)):
        score = replace(band(), meters=(Meter(0, *meter),))
        found = [m for m in opened(score).tracks[0] if m.type == "time_signature"]
        assert [m.clocks_per_click for m in found] == [clocks]


def test_every_key_has_its_signature():
    """All 24 keys are read again as they were written."""
    for tonic in range(12):
        for mode in ("major", "minor"):
            score = replace(band(), keys=(Key(0, tonic, mode),))
            assert set(read_midi(midi_bytes(score)).keys) == {Key(0, tonic, mode)}


def test_names_stay_apart_and_keep_their_letters():
    """Two tracks of one name are numbered; names may hold any letters."""
    score = band()
    tracks = [replace(track, name="Flöte ♯") for track in score.tracks]
    file = opened(score.with_tracks(tracks))
    assert [track.name for track in file.tracks[1:]] == ["Flöte ♯", "Flöte ♯ 2", "Flöte ♯ 3"]
    broken = score.with_tracks([replace(score.tracks[0], name="a\ud800b\nc")])
    assert opened(broken).tracks[1].name == "a?b c" or opened(broken).tracks[1].name == "a b c"


def test_notes_too_short_to_sound_are_made_longer():
    """A tick of 480 becomes ten, but never reaches into the next note of its pitch."""
    track = Track(0, notes=note_array([(0, 1, 60, 66), (100, 1, 62, 66), (110, 9, 62, 66)]))
    again = read_midi(midi_bytes(Score(480, (track,))))
    assert list(again.tracks[0]) == [
        Note(0, 10, 60, 66),
        Note(100, 10, 62, 66),
        Note(110, 10, 62, 66),
    ]


def test_a_pitch_struck_again_at_once_is_one_note():
    """Strikes of one pitch within ten ticks cannot be heard apart: the first sounds for all."""
    rows = [(100, 4, 62, 66), (104, 30, 62, 90), (109, 1, 62, 20), (110, 8, 62, 50)]
    again = read_midi(midi_bytes(Score(480, (Track(0, notes=note_array(rows)),))))
    assert list(again.tracks[0]) == [Note(100, 10, 62, 90), Note(110, 10, 62, 50)]


def test_two_drum_tracks_share_the_drum_channel():
    """They are written as one track, without a note lost."""
    drums = [Track(kit, True, notes=note_array([(kit, 6, 36, 98)])) for kit in (0, 8)]
    again = read_midi(midi_bytes(Score(24, tuple(drums))))
    assert [(track.is_drum, len(track)) for track in again.tracks] == [(True, 2)]


def test_what_midi_cannot_hold_is_refused():
    """Sixteen melodic tracks, a velocity of 0, a tempo of an hour: an error says what to do."""
    track = Track(0, notes=note_array([(0, 24, 60, 66)]))
    for score, reason in (
        (Score(24, (track,) * 16), "16 tracks beside the drums.*merge"),
        (Score(24, (Track(0, notes=note_array([(0, 24, 60, 0)])),)), "velocities 1 to 127"),
        (Score(24, (Track(0, notes=note_array([(0, 24, 128, 66)])),)), "pitches"),
        (Score(24, (Track(0, notes=note_array([(-9, 24, 60, 66)])),)), "onsets"),
        (Score(24, (Track(128, notes=track.notes),)), "programs"),
        (Score(24, (track,), tempos=(Tempo(0, 2**24),)), "tempo"),
        (Score(24, (track,), meters=(Meter(0, 4, 5),)), "4/5"),
        (Score(40_000, (track,)), "40000 ticks"),
        (Score(24, (track,), end=2**27), "ticks"),
    ):
        with pytest.raises(OutputError, match=reason):
            midi_bytes(score)


def test_changes_after_the_last_note_are_written():
    """A marker past the end moves the end; nothing is left out."""
    score = replace(band(), markers=(Marker(0, "Verse"), Marker(96 + 13 * 72, "Coda")))
    again = read_midi(midi_bytes(score))
    assert again.markers == (Marker(0, "Verse"), Marker(1920 + 13 * 1440, "Coda"))
    assert again.end == timing.bar_lines(again)[-1]


def test_a_file_is_written_and_not_overwritten(tmp_path):
    """A second writing needs `force`; what was there stays whole until then."""
    path = tmp_path / "piece.mid"
    write_midi(band(), path)
    first = path.read_bytes()
    assert first == midi_bytes(band())
    other = band().with_tracks(band().tracks[:1])
    with pytest.raises(OutputError, match="already there"):
        write_midi(other, path)
    assert path.read_bytes() == first
    write_midi(other, path, force=True)
    assert path.read_bytes() == midi_bytes(other)
    assert [entry.name for entry in tmp_path.iterdir()] == ["piece.mid"]


def test_writing_is_the_same_every_time():
    """The same score gives the same bytes."""
    assert midi_bytes(band()) == midi_bytes(band())
