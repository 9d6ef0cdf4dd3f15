"""The sustain pedal: read, written, cut and moved along with the notes, and never left down."""

import io
from dataclasses import replace

import mido
import numpy as np
import pytest

from musegen.music.exported import exported
from musegen.music.humanize import humanized
from musegen.music.lint.points import lint
from musegen.music.lint.repair import repaired
from musegen.music.ongrid import off_grid
from musegen.music.pedals import pedal_values, pedals_of
from musegen.music.read import read_midi
from musegen.music.score import Pedal, Score, Track, note_array, presses
from musegen.music.stems import stems
from musegen.music.transform import merge_tracks, quantise, transpose, trim
from musegen.music.write import midi_bytes
from tests.music.tunes import line, piece

PRESSES = (Pedal(12, 96), Pedal(96, 150), Pedal(160, 192))


def pedalled(pedals: tuple[Pedal, ...] = PRESSES) -> Score:
    """Two bars of quarters for a piano with a pedal, over drums."""
    tune = piece(line([60, 64, 67, 72] * 2), drums=line([36, 38] * 4), bars=2)
    return tune.with_tracks([replace(tune.tracks[0], pedals=pedals), tune.tracks[1]])


def heard(content: bytes, track: int = 1) -> list[tuple[int, int]]:
    """The ticks and values of the pedal in a track of a file, as another library reads it."""
    now, found = 0, []
    for message in mido.MidiFile(file=io.BytesIO(content)).tracks[track]:
        now += message.time
        if message.is_cc(64):
            found.append((now, message.value))
    return found


def file_of(*events: tuple[int, mido.Message]) -> bytes:
    """A file whose only track has these messages at these ticks."""
    track, now = mido.MidiTrack(), 0
    for tick, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    content = io.BytesIO()
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save(file=content)
    return content.getvalue()


def strike(tick: int, pitch: int = 60) -> tuple[int, mido.Message]:
    """A note begins."""
    return tick, mido.Message("note_on", note=pitch, velocity=80)


def let_go(tick: int, pitch: int = 60) -> tuple[int, mido.Message]:
    """A note ends."""
    return tick, mido.Message("note_off", note=pitch)


def pedal(tick: int, value: int) -> tuple[int, mido.Message]:
    """The pedal is set."""
    return tick, mido.Message("control_change", control=64, value=value)


def test_a_pedal_is_written_and_read_again() -> None:
    """In 480 ticks; where it is let go and pressed at one tick, the press comes a tick later."""
    content = midi_bytes(pedalled())
    assert heard(content) == [
        (240, 127), (1920, 0), (1921, 127), (3000, 0), (3200, 127), (3840, 0),
    ]  # fmt: skip
    again = read_midi(content)
    assert again.tracks[0].pedals == (Pedal(240, 1920), Pedal(1921, 3000), Pedal(3200, 3840))
    assert again.tracks[1].pedals == ()
    assert exported(again) == again
    assert lint(content).findings == ()


def test_no_pedal_is_down_at_the_end() -> None:
    """What is pressed past the end, or for no time in written ticks, does not hang."""
    content = midi_bytes(pedalled((Pedal(10, 20), Pedal(100, 999), Pedal(1000, 2000))))
    assert heard(content) == [(200, 127), (400, 0), (2000, 127), (3840, 0)]
    fine = Score(30_000, (Track(0, notes=note_array([(0, 30_000, 60, 80)])),))
    (track,) = fine.tracks
    fine = fine.with_tracks([replace(track, pedals=(Pedal(3000, 3010),))])
    assert heard(midi_bytes(fine)) == []


def test_a_pedal_that_is_never_let_go_is_up_at_the_end() -> None:
    """The file's end lets go of it; the first press begins where it was made, not with the file."""
    content = file_of(
        strike(0), pedal(100, 64), pedal(200, 63), let_go(480), pedal(600, 90), (960, mido.Message(
            "control_change", control=7, value=100))
    )  # fmt: skip
    score = read_midi(content)
    assert score.tracks[0].pedals == (Pedal(100, 200),)  # the piece ends with its last note
    assert read_midi(file_of(pedal(96, 127), strike(96), let_go(480))).tracks[0].pedals == (
        Pedal(96, 480),
    )


def test_a_pedal_pressed_as_a_note_ends_does_not_hold_it() -> None:
    """Release, pedal, strike: in this order at one tick, when written and when repaired."""
    score = piece(line([60, 62]))
    score = score.with_tracks([replace(score.tracks[0], pedals=(Pedal(24, 48),))])
    content = midi_bytes(score)
    for made in (content, repaired(content)):
        kinds = [m.type for m in mido.MidiFile(file=io.BytesIO(made)).tracks[1] if not m.is_meta]
        assert kinds[3:] == [
            "note_on", "note_off", "control_change", "note_on", "note_off", "control_change",
        ]  # fmt: skip


def test_repairing_keeps_every_press() -> None:
    """Half-pedalling stays as it is, a change of pedal at one tick stays a change."""
    content = file_of(
        pedal(0, 30), strike(0), pedal(200, 100), let_go(480), pedal(480, 0), pedal(480, 127),
        strike(480), let_go(960), pedal(960, 0), pedal(960, 127), pedal(961, 0), pedal(970, 127),
    )  # fmt: skip
    assert not {8, 11} & {point.number for point in lint(content).failed}
    made = repaired(content)
    assert lint(made).findings == ()
    assert heard(made) == [
        (0, 30), (200, 100), (480, 0), (481, 127), (960, 0), (961, 0), (970, 127), (1920, 0),
    ]  # fmt: skip
    assert read_midi(made).tracks[0].pedals == (
        Pedal(200, 480), Pedal(481, 960), Pedal(970, 1920),
    )  # fmt: skip


def test_what_changes_a_piece_takes_the_pedal_along() -> None:
    """Trimming cuts it, transposing and humanising leave it, merging unites it, stems have it."""
    score = pedalled()
    assert trim(score, 1, 2).tracks[0].pedals == (Pedal(0, 54), Pedal(64, 96))
    assert trim(score, 0, 1).tracks[0].pedals == (Pedal(12, 96),)
    assert transpose(score, 2).tracks[0].pedals == PRESSES
    played = humanized(score, 0.5, np.random.default_rng(1))
    assert played.tracks[0].pedals == exported(score).tracks[0].pedals
    two = piece(line([60]), line([72]))
    down = ((Pedal(0, 30),), (Pedal(20, 40),))
    both = [replace(t, pedals=pedals) for t, pedals in zip(two.tracks, down, strict=True)]
    merged = merge_tracks(replace(two, ticks_per_quarter=48).with_tracks(both), (0, 1))
    assert merged.tracks[0].pedals == (Pedal(0, 40),)
    files = list(stems(score).values())
    assert heard(files[0]) == heard(midi_bytes(score))
    drums = piece(drums=line([36])).tracks[0]
    kits = [replace(drums, pedals=(Pedal(0, 12),)), replace(drums, pedals=(Pedal(12, 24),))]
    assert exported(Score(24, tuple(kits))).tracks[0].pedals == (Pedal(0, 240), Pedal(241, 480))


def test_rows_have_no_pedal() -> None:
    """Quantising leaves it out and counts it; notes stay as long as their keys were held."""
    score = pedalled()
    assert "it has a pedal" in list(off_grid(score))
    made, report = quantise(score)
    assert report.pedals_left_out == 3
    assert made == quantise(pedalled(()))[0]
    assert [track.pedals for track in made.tracks] == [(), ()]


def test_pretty_midi_keeps_the_pedal() -> None:
    """Also where it is let go and pressed at one tick; a hanging one ends with the last note."""
    score = pedalled()
    made = score.to_pretty_midi()
    assert Score.from_pretty_midi(made).tracks == score.tracks
    made.instruments[0].control_changes.pop()
    assert Score.from_pretty_midi(made).tracks[0].pedals == PRESSES


def test_two_scores_with_other_pedals_are_two() -> None:
    """A pedal counts where pieces are compared."""
    one, other = pedalled().tracks[0], pedalled(()).tracks[0]
    assert one != other
    assert hash(one) != hash(other)
    assert one == pedalled().tracks[0]


@pytest.mark.parametrize("bad", [(Pedal(5, 5),), (Pedal(0, 9), Pedal(8, 12))])
def test_presses_out_of_order_are_a_mistake_of_musegen(bad: tuple[Pedal, ...]) -> None:
    """`presses` gives what a track may hold."""
    with pytest.raises(AssertionError):
        Track(0, pedals=bad)
    assert Track(0, pedals=presses(bad)).pedals == (() if len(bad) == 1 else (Pedal(0, 12),))


def test_values_become_presses_and_values_again() -> None:
    """Every value from 64 on is down."""
    values = list(pedal_values(PRESSES))
    assert pedals_of(values, 192) == PRESSES
    assert pedals_of([(0, 0), *values, (192, 64)], 400) == (*PRESSES, Pedal(192, 400))


def test_a_silence_that_is_shortened_takes_the_pedal_along() -> None:
    """What lies behind a wait of days is brought nearer, the pedal with its notes."""
    later = 2**27
    content = file_of(
        strike(0), let_go(480), strike(later), pedal(later + 100, 127), let_go(later + 480),
        pedal(later + 480, 0),
    )  # fmt: skip
    score = read_midi(content)
    (track,) = score.tracks
    near = int(track.notes[1, 0])
    assert near == 64 * 480
    assert track.pedals == (Pedal(near + 100, near + 480),)
