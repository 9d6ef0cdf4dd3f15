"""The machine code that reads plain files, settles notes on the grid and lays out rows.

In: nothing. Out: machine code that is compiled, or loaded, for whoever makes rows of many files:
loading takes most of a second, which a few hundred files do not give back. See `musegen.compiled`.
"""

from pathlib import Path

from musegen.compiled import Library, in_the_background
from musegen.music import machine

MANY = 1_000
"""From so many files on loading machine code is worth it."""

MOST_STEPS = 2**22
"""Longer pieces, of 174,000 quarter notes, are laid out by numpy: machine code takes room for each
step."""

_HERE = Path(__file__).parent

SIGNATURES = {
    "fits": "(Array(i4, 2, 'C', True), i8[::1], i2[::1])",
    "lay_out": "(Array(i4, 2, 'C', True), i8[::1], i2[:,::1], Array(i8, 1, 'C', True), "
    "i2[:,::1], i2[:,::1], Array(i8, 1, 'C', True), i2[::1])",
}

KERNELS = Library(
    "rows",
    "musegen.tokens.kernel_rows",
    [_HERE / "kernel_rows.py", _HERE / "fields.py", *machine.KERNELS.sources],
    SIGNATURES,
)

_BOTH = (machine.KERNELS, KERNELS)


def load_soon() -> None:
    """All of it is loaded as soon as it is there; until then numpy gives the same."""
    if KERNELS.loaded is None:
        for library in _BOTH:
            library.load_soon()


def compile_kernels() -> bool:
    """All of it is there; False where it cannot be kept."""
    return all(library.compile() for library in _BOTH)


def compile_in_background() -> None:
    """Another process compiles what is not there yet; nobody waits."""
    KERNELS.compile_in_background("musegen.tokens.machine")


if __name__ == "__main__":
    in_the_background()
    compile_kernels()
