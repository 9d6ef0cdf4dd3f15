"""Controls: a composer's wishes, or what was measured of a piece. `None` means "you choose".

One type serves both: in training it is measured from the music and its labels, in composing it is
what a person asked for. `codec` writes it into HEAD, SECTION and BAR rows and reads it back.
"""

import math
from dataclasses import dataclass, fields, replace
from itertools import pairwise

from musegen.errors import WishError, unknown
from musegen.tokens import scales
from musegen.tokens.fields import MAX_BACK

MODES = ("major", "minor")
PITCH_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True)
class TrackPlan:
    """One track: its instrument, and how high, busy, thick and loud it is.

    `low` and `high` are MIDI pitches, `density` notes per quarter, `polyphony` mean notes at once,
    `loudness` mean velocity. `span`, its lowest and highest pitch, and `max_polyphony`, the most
    notes at once, are wishes that are kept exactly.
    """

    program: int
    is_drum: bool = False
    low: int | None = None
    high: int | None = None
    density: float | None = None
    polyphony: float | None = None
    loudness: float | None = None
    span: tuple[int, int] | None = None
    max_polyphony: int | None = None


@dataclass(frozen=True)
class SectionPlan:
    """A section that begins at bar `bar` (from 0) and lasts `bars` bars.

    Kept exactly where wished: `instruments`, (program, is_drum) of all that may sound in it, and
    `repeat`: "exact", note for note the first section of its letter, or "varied".
    """

    bar: int
    letter: str
    bars: int
    valence: float | None = None
    arousal: float | None = None
    density: float | None = None
    loudness: float | None = None
    instruments: tuple[tuple[int, bool], ...] = ()
    repeat: str | None = None


@dataclass(frozen=True)
class BarPlan:
    """One bar: the earlier bar that it repeats or varies, and how many notes per quarter it has.

    `back` counts bars back to that bar (0: it is new); `likeness` is "new", "varied" or "exact".
    """

    back: int | None = None
    likeness: str | None = None
    density: float | None = None


@dataclass(frozen=True)
class Chord:
    """A chord that begins `onset` steps into bar `bar`. `root` is a pitch class, C = 0.

    `root` None stands for "no chord" (N.C.); `quality` is one of `scales.CHORD_QUALITIES`.
    """

    bar: int
    onset: int
    root: int | None
    quality: str = ""


LIKENESS = ("new", "varied", "exact")


@dataclass(frozen=True)
class Controls:
    """Wishes for a whole piece, and its plan where one is given. Every one may be left out.

    valence, arousal: -1 to 1. key: (tonic pitch class, mode). tempo: quarter notes per minute.
    density: notes per quarter. polyphony: mean notes at once. loudness: mean velocity.
    tracks: the instruments that sound, all of them. plan: one `BarPlan` a bar, or nothing.

    Only ever wished, and kept exactly: tempo_changes and meter_changes, (bar from 1 on, new value);
    scale, the pitch classes that may sound; max_polyphony, the most pitched notes at once; loop, so
    that the last bar leads to the first; chord_tones, only tones of the chord on every beat.
    """

    genre: str | None = None
    valence: float | None = None
    arousal: float | None = None
    key: tuple[int, str] | None = None
    density: float | None = None
    polyphony: float | None = None
    loudness: float | None = None
    bars: int | None = None
    meter: tuple[int, int] | None = None
    tempo: int | None = None
    track_count: int | None = None
    drums: bool | None = None
    tracks: tuple[TrackPlan, ...] = ()
    sections: tuple[SectionPlan, ...] = ()
    plan: tuple[BarPlan, ...] = ()
    chords: tuple[Chord, ...] = ()
    tempo_changes: tuple[tuple[int, int], ...] = ()
    meter_changes: tuple[tuple[int, tuple[int, int]], ...] = ()
    scale: tuple[int, ...] = ()
    max_polyphony: int | None = None
    loop: bool = False
    chord_tones: bool = False

    def __post_init__(self) -> None:
        _between("valence", self.valence, -1, 1)
        _between("arousal", self.arousal, -1, 1)
        _between("density", self.density, 0, math.inf)
        _between("polyphony", self.polyphony, 0, math.inf)
        _between("loudness", self.loudness, 0, 127)
        _between("bars", self.bars, 1, scales.MAX_BARS_WISH)
        _between("max-polyphony", self.max_polyphony, 1, math.inf)
        for tempo in (self.tempo, *(tempo for _, tempo in self.tempo_changes)):
            _check_tempo(tempo)
        for meter in (self.meter, *(meter for _, meter in self.meter_changes)):
            _check_meter(meter)
        for changes in (self.tempo_changes, self.meter_changes):
            _check_changes(tuple(bar for bar, _ in changes))
        _between("number of tracks", self.track_count, 1, scales.MAX_TRACKS)
        if self.key is not None and (self.key[0] not in range(12) or self.key[1] not in MODES):
            raise WishError(f"key {self.key} must be a pitch class 0 to 11 and major or minor")
        if len(self.tracks) > scales.MAX_TRACKS:
            raise WishError(
                f"{len(self.tracks)} tracks were asked for; a piece has at most {scales.MAX_TRACKS}"
            )
        for chord in self.chords:
            if chord.quality not in scales.CHORD_QUALITIES:
                raise WishError(unknown("chord quality", chord.quality, scales.CHORD_QUALITIES))
            if chord.root not in (None, *range(12)):
                raise WishError(f"chord root {chord.root} must be a pitch class 0 to 11, or none")

    def on_grid(self) -> "Controls":
        """These controls as rows can hold them: every number snapped to its scale.

        A repeat from more than 64 bars back becomes "not said".
        """
        return replace(
            self,
            valence=_snap(scales.VALENCE, self.valence),
            arousal=_snap(scales.AROUSAL, self.arousal),
            density=_snap(scales.DENSITY, self.density),
            polyphony=_snap(scales.POLYPHONY, self.polyphony),
            loudness=_snap(scales.LOUDNESS, self.loudness),
            tracks=tuple(
                replace(
                    t,
                    low=None if t.low is None else t.low // 4 * 4,
                    high=None if t.high is None else t.high // 4 * 4,
                    density=_snap(scales.DENSITY, t.density),
                    polyphony=_snap(scales.POLYPHONY, t.polyphony),
                    loudness=_snap(scales.LOUDNESS, t.loudness),
                )
                for t in self.tracks
            ),
            sections=tuple(
                replace(
                    s,
                    valence=_snap(scales.VALENCE, s.valence),
                    arousal=_snap(scales.AROUSAL, s.arousal),
                    density=_snap(scales.DENSITY, s.density),
                    loudness=_snap(scales.LOUDNESS, s.loudness),
                )
                for s in self.sections
            ),
            plan=tuple(
                BarPlan(
                    *((None, None) if (bar.back or 0) > MAX_BACK else (bar.back, bar.likeness)),
                    density=_snap(scales.DENSITY, bar.density),
                )
                for bar in self.plan
            ),
        )

    @property
    def wished(self) -> tuple[str, ...]:
        """Names of the controls that say something."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) != f.default)


def _check_tempo(tempo: float | None) -> None:
    _between("tempo", tempo, scales.TEMPO_BPM.values[0], scales.TEMPO_BPM.values[-1])
    if tempo is not None and tempo != int(tempo):
        raise WishError(f"tempo {tempo} must be a whole number of beats per minute")


def _check_meter(meter: tuple[int, int] | None) -> None:
    if meter is not None and meter not in scales.METERS:
        n, d = meter
        raise WishError(
            f"meter {n}/{d} cannot be used: the lower number must be 1, 2, 4, 8, 16 or 32, "
            "the upper at least 1, and a bar at most sixteen quarter notes long"
        )


def _check_changes(bars: tuple[int, ...]) -> None:
    if any(after <= before for before, after in pairwise((0, *bars))):
        raise WishError(
            "changes of tempo or meter must lie after the first bar, each after the one before"
        )


def _snap(scale: scales.Scale, number: float | None) -> float | None:
    return None if number is None else scale.snap(number)


def _between(name: str, number: float | None, low: float, high: float) -> None:
    if number is not None and not low <= number <= high:
        allowed = f"{low:g} to {high:g}" if high < math.inf else f"{low:g} and more"
        raise WishError(f"{name} {number:g} is out of range: allowed is {allowed}")
