"""Limits: the wishes that are kept exactly, because the grammar allows nothing else.

Made from `Controls`; knows nothing of rows or masks. Whether they can all be kept at once is
checked by `feasible`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from musegen.tokens import feasible
from musegen.tokens.controls import BarPlan, Chord, Controls, SectionPlan, TrackPlan

T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """What a composed piece must and must not be. `None` and empty tuples leave it to the model.

    bars: exact number of bars; max_bars: the most where `bars` is None.
    meters, tempos: (first bar, value) changes, the first at bar 0; empty: the model chooses.
    steady: a meter or tempo that the model chose in bar 0 holds to the end.
    instruments: (program, is_drum) of every track, exactly these, each sounding at least once.
    tracks: what was wished of each of these, in the same order, or nothing.
    drums: True, one drum track must be among the tracks; False, none may be.
    scale: the pitch classes that may sound. max_polyphony: the most pitched notes at once.
    sections, plan, chords: what was wished of the course of the piece; chords of a bar that has
    any are all of its chords. chord_tones: on every beat only tones of the chord in force.
    loop: the last bar is not written as an ending.
    all_sound: a track sounds even where nobody asked for it: the model chose it, and may not forget
    it; otherwise one that was not asked for may stay silent.
    near: mood, density and loudness of the piece, by name: every section that says nothing else is
    at most a step of the scale off.
    suggested: the instruments are nobody's wish: one of them may stay silent.
    max_rows_per_bar: a bar with so many notes and chords is closed.
    reading: rows are read, not drawn: optional fields may hold "unset", and notes may lie outside
    the range that their TRACK row says.
    """

    bars: int | None = None
    max_bars: int | None = None
    meters: tuple[tuple[int, tuple[int, int]], ...] = ()
    tempos: tuple[tuple[int, int], ...] = ()
    steady: bool = False
    instruments: tuple[tuple[int, bool], ...] = ()
    tracks: tuple[TrackPlan, ...] = ()
    track_count: int | None = None
    drums: bool | None = None
    scale: frozenset[int] = frozenset()
    max_polyphony: int | None = None
    sections: tuple[SectionPlan, ...] = ()
    plan: tuple[BarPlan, ...] = ()
    chords: tuple[Chord, ...] = ()
    chord_tones: bool = False
    loop: bool = False
    max_rows_per_bar: int | None = None
    reading: bool = False
    all_sound: bool = True
    near: tuple[tuple[str, float], ...] = ()
    suggested: bool = False

    @classmethod
    def of(cls, controls: Controls) -> "Limits":
        """The limits that these wishes set. Contradictory wishes are a WishError."""
        meter, tempo = controls.meter, controls.tempo
        feasible.check_starts(controls)
        limits = cls(
            bars=feasible.bars_of(controls),
            meters=() if meter is None else ((0, meter), *controls.meter_changes),
            tempos=() if tempo is None else ((0, int(tempo)), *controls.tempo_changes),
            track_count=controls.track_count,
            drums=controls.drums,
            scale=frozenset(controls.scale),
            max_polyphony=controls.max_polyphony,
            sections=controls.sections,
            plan=controls.plan,
            chords=controls.chords,
            chord_tones=controls.chord_tones,
            loop=controls.loop,
            near=tuple(
                (name, wish)
                for name in ("valence", "arousal", "density", "loudness")
                if (wish := getattr(controls, name)) is not None
            ),
        )
        limits = limits.with_tracks(controls.tracks)
        limits.check()
        return limits

    def check(self) -> None:
        """Raise WishError where these limits cannot all be kept."""
        feasible.check_instruments(self.instruments, self.track_count, self.drums)
        feasible.check_pitches(self)
        feasible.check_course(self)

    def with_tracks(self, tracks: Sequence[TrackPlan]) -> "Limits":
        """These limits with exactly these tracks, in any order, and what was wished of them."""
        ordered = tuple(sorted(tracks, key=lambda track: (track.is_drum, track.program)))
        instruments = tuple((track.program, track.is_drum) for track in ordered)
        return replace(self, instruments=instruments, tracks=ordered)

    def with_bars(self, bars: int) -> "Limits":
        """These limits with an exact number of bars."""
        return replace(self, bars=bars)

    def meter_at(self, bar: int) -> tuple[int, int] | None:
        """The meter that bar `bar` must have, or None."""
        return _at(self.meters, bar)

    def tempo_at(self, bar: int) -> int | None:
        """The tempo that bar `bar` must have, or None."""
        return _at(self.tempos, bar)


def _at(changes: tuple[tuple[int, T], ...], bar: int) -> T | None:
    held = None
    for first, value in changes:
        if first <= bar:
            held = value
    return held
