"""A Score as a PrettyMIDI and back, for people who live there: no note is lost or moved.

pretty_midi keeps times in seconds; with the score's ticks and tempi as its own it finds every tick
again. The pedal is its controller 64. What it has no place for (an end with silence before it) is
worked out anew.
"""

from dataclasses import replace
from typing import Any

from musegen.music import timing
from musegen.music.exported import ticks_of_changes
from musegen.music.pedals import SUSTAIN, pedal_values, pedals_of
from musegen.music.score import (
    MICROSECONDS_PER_MINUTE,
    Key,
    Marker,
    Meter,
    Score,
    Tempo,
    Track,
    note_array,
)


def to_pretty_midi(score: Score) -> Any:
    """The score as a `pretty_midi.PrettyMIDI`; markers become its text events."""
    import pretty_midi

    made = pretty_midi.PrettyMIDI(resolution=score.ticks_per_quarter)
    # It has no public way to set tempi; these two are what its own reader fills.
    per_tick = 1e6 * score.ticks_per_quarter
    made._tick_scales = [(t.tick, t.microseconds / per_tick) for t in timing.tempos_in_order(score)]
    last = max(score.end, *ticks_of_changes(score), 0)
    made._update_tick_to_time(last + 1)
    for track in score.tracks:
        instrument = pretty_midi.Instrument(track.program, track.is_drum, track.name)
        for onset, duration, pitch, velocity in track:
            start, end = made.tick_to_time(onset), made.tick_to_time(onset + duration)
            instrument.notes.append(pretty_midi.Note(velocity, pitch, start, end))
        for tick, value in pedal_values(track.pedals):
            change = pretty_midi.ControlChange(SUSTAIN, value, made.tick_to_time(tick))
            instrument.control_changes.append(change)
        made.instruments.append(instrument)
    made.time_signature_changes = [
        pretty_midi.TimeSignature(n, d, made.tick_to_time(tick)) for tick, n, d in score.meters
    ]
    made.key_signature_changes = [
        pretty_midi.KeySignature(tonic + 12 * (mode == "minor"), made.tick_to_time(tick))
        for tick, tonic, mode in score.keys
    ]
    made.text_events = [
        pretty_midi.Text(text, made.tick_to_time(tick)) for tick, text in score.markers
    ]
    return made


def from_pretty_midi(made: Any) -> Score:
    """The score of a `pretty_midi.PrettyMIDI`, in its own ticks; text events become markers."""
    tracks = []
    for instrument in made.instruments:
        rows = []
        for note in instrument.notes:
            onset = int(made.time_to_tick(note.start))
            length = int(made.time_to_tick(note.end)) - onset
            rows.append((onset, max(1, length), int(note.pitch), int(note.velocity)))
        played = Track(instrument.program, instrument.is_drum, instrument.name, note_array(rows))
        values = [
            (int(made.time_to_tick(change.time)), int(change.value))
            for change in instrument.control_changes
            if change.number == SUSTAIN
        ]
        end = max([played.end, *(tick for tick, _ in values)])
        tracks.append(replace(played, pedals=pedals_of(values, end)))
    times, tempos = made.get_tempo_changes()
    return Score(
        made.resolution,
        tuple(tracks),
        tuple(
            Tempo(int(made.time_to_tick(time)), round(MICROSECONDS_PER_MINUTE / bpm))
            for time, bpm in zip(times.tolist(), tempos.tolist(), strict=True)
        ),
        tuple(
            Meter(int(made.time_to_tick(change.time)), change.numerator, change.denominator)
            for change in made.time_signature_changes
        )
        or (Meter(0, 4, 4),),
        tuple(
            Key(
                int(made.time_to_tick(change.time)),
                change.key_number % 12,
                "minor" if change.key_number >= 12 else "major",
            )
            for change in made.key_signature_changes
        ),
        tuple(Marker(int(made.time_to_tick(event.time)), event.text) for event in made.text_events),
    )
