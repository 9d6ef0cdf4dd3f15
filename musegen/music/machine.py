"""The machine code that reads plain files and brings notes to the grid, where it is loaded.

Whoever reads many files loads it; whoever reads one does not wait for it. See `musegen.compiled`.
"""

from pathlib import Path

from musegen.compiled import Library

_HERE = Path(__file__).parent

SIGNATURES = {
    "parse": "(Array(u1, 1, 'C', True),)",
    "snap": "(Array(i4, 2, 'C', True), i8[::1], i8[::1], i8, i8, i8[::1], i8[::1], i8[::1], "
    "f8[::1], i8[::1], i8[::1])",
    "whole_tempos": "(Array(i8, 1, 'C', True), i8[::1], f8[::1], i8, i8[::1], i8[::1], i8, i8)",
}

KERNELS = Library("reading", "musegen.music.kernels", sorted(_HERE.glob("kernel*.py")), SIGNATURES)
