"""Keys: which of the 24 major and minor keys fits how long each pitch class sounds.

Pitch-class histograms go in, one or many; keys and how well they fit come out. Knows no score.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MODES = ("major", "minor")

HEARD = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
"""How well each pitch class fits a key on C to listeners: Krumhansl and Kessler (1982)."""

COUNTED = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}
"""How much of the music in a key on C each pitch class makes: Albrecht and Shanahan (2013)."""

MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)


def _standard(rows: Floats) -> Floats:
    """Each row centred and of length 1, so that products are Pearson correlations."""
    centred = rows - rows.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(centred, axis=-1, keepdims=True)
    standard: Floats = centred / np.where(length > 1e-9, length, np.inf)
    return standard


def _profiles() -> Floats:
    """The 24 key profiles, majors first: what is heard and what is counted, in equal parts.

    Against key signatures the mean of both was right in 90, 92 and 87 % of folk tunes, band
    arrangements and classical pieces; the first alone in 83, 88 and 77 %, the second in 91, 83
    and 88 %.
    """
    mean = {mode: _standard(np.array([HEARD[mode], COUNTED[mode]])).sum(axis=0) for mode in MODES}
    return _standard(np.array([np.roll(mean[m], tonic) for m in MODES for tonic in range(12)]))


_PROFILES = _profiles()


@dataclass(frozen=True)
class KeyFound:
    """The key that fits best, how well (Pearson's r), and by how much better than the next one.

    `majorness` is the best major key's r less the best minor key's: above 0 where major fits best.
    """

    tonic: int
    mode: str
    strength: float
    margin: float
    majorness: float

    @property
    def name(self) -> tuple[int, str]:
        """Tonic and mode, as controls hold a key."""
        return self.tonic, self.mode


def key_fits(histograms: Floats) -> Floats:
    """Pearson's r of histograms (..., 12) with the 24 keys, majors first: (..., 24).

    All 0 where a histogram is flat or empty.
    """
    fits: Floats = _standard(histograms) @ _PROFILES.T
    return fits


def majorness(histograms: Floats) -> Floats:
    """How much better the best major key fits than the best minor key: (...)."""
    fits = key_fits(histograms)
    better: Floats = fits[..., :12].max(axis=-1) - fits[..., 12:].max(axis=-1)
    return better


def majorward(histogram: Floats) -> tuple[float, Floats]:
    """How major a histogram (12,) is, as `majorness` has it, and which pitch classes make that more
    where more of them sounds: (12,).
    """
    fits = key_fits(histogram)
    major, minor = fits[:12].argmax(), 12 + fits[12:].argmax()
    apart: Floats = _PROFILES[major] - _PROFILES[minor]
    return float(fits[major] - fits[minor]), apart


def keyward(histogram: Floats, key: tuple[int, str]) -> tuple[float, Floats]:
    """How much better a key fits a histogram (12,) than the best other key, and which pitch classes
    make that more where more of them sounds: (12,).
    """
    fits = key_fits(histogram)
    wished = MODES.index(key[1]) * 12 + key[0]
    rival = int(np.where(np.arange(len(fits)) == wished, -np.inf, fits).argmax())
    apart: Floats = _PROFILES[wished] - _PROFILES[rival]
    return float(fits[wished] - fits[rival]), apart


def find_key(histogram: Floats) -> KeyFound | None:
    """The key of a piece by its pitch-class histogram (12,), or None where nothing tells.

    Krumhansl and Schmuckler's method (Krumhansl 1990, Cognitive Foundations of Musical Pitch):
    how long each pitch class sounds is correlated with the profile of each of the 24 keys.
    """
    fits = key_fits(histogram)
    best = int(fits.argmax())
    strength = float(fits[best])
    if strength <= 0:
        return None
    return KeyFound(
        tonic=best % 12,
        mode=MODES[best // 12],
        strength=strength,
        margin=strength - float(np.delete(fits, best).max()),
        majorness=float(majorness(histogram)),
    )
