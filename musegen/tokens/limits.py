"""Limits: the wishes that are kept exactly, because the grammar allows nothing else.

Made from `Controls`; knows nothing of rows or masks.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

from musegen.errors import WishError
from musegen.tokens import scales
from musegen.tokens.controls import Controls

T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """What a composed piece must and must not be. `None` and empty tuples leave it to the model.

    bars: exact number of bars; max_bars: the most where `bars` is None.
    meters, tempos: (first bar, value) changes, the first at bar 0; empty: the model chooses.
    steady: a meter or tempo that the model chose in bar 0 holds to the end.
    instruments: (program, is_drum) of every track, exactly these, each sounding at least once.
    drums: True, one drum track must be among the tracks; False, none may be.
    all_sound: a track sounds even where nobody asked for it: the model chose it, and may not forget
    it; otherwise one that was not asked for may stay silent.
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
    track_count: int | None = None
    drums: bool | None = None
    max_rows_per_bar: int | None = None
    reading: bool = False
    all_sound: bool = True

    @classmethod
    def of(cls, controls: Controls) -> "Limits":
        """The limits that these wishes set. Contradictory wishes are a WishError."""
        instruments = tuple(
            sorted(((t.program, t.is_drum) for t in controls.tracks), key=lambda t: (t[1], t[0]))
        )
        limits = cls(
            bars=controls.bars,
            meters=() if controls.meter is None else ((0, controls.meter),),
            tempos=() if controls.tempo is None else ((0, int(controls.tempo)),),
            instruments=instruments,
            track_count=controls.track_count,
            drums=controls.drums,
        )
        limits.check()
        return limits

    def check(self) -> None:
        """Raise WishError where these limits cannot all be kept."""
        kits = [program for program, is_drum in self.instruments if is_drum]
        if len(kits) > 1:
            raise WishError("a piece has at most one drum track; more than one was asked for")
        if len(self.instruments) - len(kits) > scales.MAX_TRACKS - 1:
            raise WishError(f"at most {scales.MAX_TRACKS - 1} pitched tracks fit beside the drums")
        for program, is_drum in self.instruments:
            if is_drum and program not in scales.DRUM_KITS:
                raise WishError(f"drum kit {program} does not exist; kits are {scales.DRUM_KITS}")
            if not 0 <= program <= 127:
                raise WishError(f"there is no program {program}: General MIDI has 0 to 127")
        if self.instruments and self.track_count not in (None, len(self.instruments)):
            raise WishError(
                f"{self.track_count} tracks and {len(self.instruments)} instruments were asked for"
            )
        if self.instruments and self.drums is not None and self.drums != bool(kits):
            raise WishError(
                "drums were asked for, but the instruments hold none; name drums among them"
                if self.drums
                else "no drums were asked for, but the instruments hold some; leave one of the two"
            )
        if self.drums is False and self.track_count == scales.MAX_TRACKS:
            raise WishError(f"{scales.MAX_TRACKS} tracks need drums: only 15 can be pitched")

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
