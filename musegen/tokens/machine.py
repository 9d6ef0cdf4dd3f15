"""The machine code that lays out rows, where it is loaded; see `musegen.compiled`."""

from pathlib import Path

from musegen.compiled import Library
from musegen.music import machine

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
