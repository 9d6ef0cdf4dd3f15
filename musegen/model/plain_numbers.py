"""The numbers of composing without torch: how vectors become whole ones, and e**x to the same bit.

What `plain` and the kernels share; the kernels say the same once more, one number at a time.
"""

import numpy as np
from numpy.typing import NDArray

from musegen.model.packing import COARSE

Array = NDArray[np.float32]

LEVELS, FINE, FINEST = 127, 2047, 32767
"""How many steps up and down whole numbers have: those of weights, those that vectors become before
they are multiplied, and the shares of attention.

So few that sums of products stay below 2**24 as a rule, where float32 still counts every whole
number: BLAS and integers then give the same.
"""

TIGHT = np.float32(0.9)
"""The largest of a key or value is cut off here: the others are rounded that much less."""

SHARES = 500_000
"""The shares of a head's attention add up to about so much at most: 256 times that, and 15 times,
32 bits can count (`kernel_words`).
"""

LOG2E, LN2_HIGH, LN2_LOW = (
    np.float32(number) for number in (1.4426950408889634, 0.693359375, -2.12194440e-4)
)
E0, E1, E2, E3, E4, E5 = (
    np.float32(number)
    for number in (
        1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
        5.0000001201e-1,
    )
)  # fmt: skip
LEAST = np.float32(-87)


def exponential(x: Array) -> Array:
    """e**x to the last bit or two, of -87 to 87: the steps of Cephes' expf."""
    x = np.clip(x, LEAST, -LEAST)
    whole = np.floor(x * LOG2E + np.float32(0.5))
    x = x - whole * LN2_HIGH
    x = x - whole * LN2_LOW
    y = E0 * x + E1
    for factor in (E2, E3, E4, E5):
        y = y * x + factor
    y = y * x * x + x + np.float32(1)
    powers = (whole.astype(np.int32) + np.int32(127)) << np.int32(23)
    powered: Array = y * powers.view(np.float32)
    return powered


def in_whole(x: Array, most: int) -> tuple[Array, Array]:
    """Vectors (..., width) as whole numbers up to `most`, and a scale (...) each."""
    size = np.maximum(np.abs(x).max(axis=-1), np.float32(1e-20))
    return np.rint(x * (np.float32(most) / size)[..., None]), size / np.float32(most)


def in_levels(x: Array, levels: int) -> tuple[Array, Array]:
    """Vectors (..., width) as whole numbers of a scale (...) each; 0 levels: as they are."""
    if levels == 0:
        return x, np.ones(x.shape[:-1], dtype=np.float32)
    scale = np.maximum(np.abs(x).max(axis=-1), np.float32(1e-20)) / np.float32(levels)
    return np.rint(x / scale[..., None]), scale


def coarse(x: Array, levels: int) -> tuple[Array, Array]:
    """Keys or values (..., head width) as a cache keeps them, spread and in odd numbers up to
    COARSE, with a scale (...) each; 0 levels: as they are.
    """
    if levels == 0:
        return x, np.ones(x.shape[:-1], dtype=np.float32)
    x = spread(x)
    size = np.maximum(np.abs(x).max(axis=-1), np.float32(1e-20))
    scale = size * TIGHT / np.float32(COARSE)
    steps = np.floor(x / (scale * np.float32(2))[..., None])
    numbers: Array = np.clip(steps * np.float32(2) + np.float32(1), -COARSE, COARSE)
    return numbers, scale


def spread(x: Array) -> Array:
    """Vectors (..., head width) of which each number tells a little of all, so that none is much
    larger than the others: sums and differences of neighbours, again and again.

    The Walsh-Hadamard transform, not made smaller: once more, and it is x times `spread_size`. A
    width that is no power of two is spread part by part. Against outliers among few bits: Ashkboos
    et al. 2024 (QuaRot).
    """
    size = spread_size(x.shape[-1])
    parts = x.reshape(*x.shape[:-1], -1, size)
    for _ in range(size.bit_length() - 1):
        even, odd = parts[..., 0::2], parts[..., 1::2]
        parts = np.concatenate([even + odd, even - odd], axis=-1)
    return parts.reshape(x.shape)


def spread_size(width: int) -> int:
    """How many neighbouring numbers are spread over each other."""
    return width & -width
