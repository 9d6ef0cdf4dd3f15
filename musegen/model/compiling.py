"""What the kernels are compiled for, and which arithmetic there is because of that.

Where their machine code is kept, and when it is loaded, `musegen.compiled` says. Until it is there
`plain` computes the same in numpy, more slowly.
"""

from pathlib import Path
from typing import cast

from musegen.compiled import Library, in_the_background
from musegen.model import plain
from musegen.model.paths import Arithmetic

_HERE = Path(__file__).parent
_SOURCES = sorted(
    [*_HERE.glob("kernel*.py"), _HERE / "config.py", _HERE / "packing.py", _HERE / "plain.py"]
)
_BACKBONE = (
    "i8, i8[:,::1], f4[:,::1], f4[::1], f4[::1], W[:,::1], f4[::1], f4[:,::1], "
    "W[:,:,::1], f4[:,::1], W[:,:,::1], f4[:,::1], f4[:,::1], "
    "W[:,:,::1], f4[:,::1], W[:,:,::1], f4[:,::1], f4[::1]"
)
_CACHES = "f4[:,:,::1], f4[:,:,::1], W[:,:,:,:,::1], f4[:,:,:,::1], W[:,:,:,:,::1], f4[:,:,:,::1]"
SIGNATURES = {
    "step": f"(i8[:,::1], i8[::1], i8[:,::1], i8[::1], i8, {_CACHES}, {_BACKBONE})",
    "field": "(f4[::1], f4[:,::1], i8[::1], i8, i8, i8[::1], f4[::1], f4[::1], W[:,::1], f4[::1], "
    "W[:,::1], f4[::1], W[:,::1], f4[::1], f4[::1], W[:,::1], f4[::1], f4[::1], i8[:,::1])",
    "own": "(f4[::1], f4[:,::1], i8[::1], i8, i8, i8, f4[:,::1], f4[:,::1], W[:,::1], f4[::1])",
    "kind": "(f4[::1], f4[::1], f4[:,::1], f4[::1])",
    "multiply": "(f4[:,::1], W[:,::1], f4[::1], i8)",
    "attend": "(f4[:,:,::1], W[:,:,::1], f4[:,::1], W[:,:,::1], f4[:,::1], i8)",
    "weigh": "(f4[::1], b1[::1], f8, i8, f8, f8, f8[::1])",
}
"""What each function is compiled for; W stands for the numbers of a matrix."""

KERNELS = Library(
    "kernels", "musegen.model.kernels", _SOURCES, SIGNATURES, {"int8": "i1", "float32": "f4"}
)


def arithmetic(precision: str) -> Arithmetic:
    """The kernels, where their machine code for weights in `precision` is there; else `plain`."""
    return cast(Arithmetic, KERNELS.load(precision) or plain)


def compile_kernels(precision: str = "int8") -> bool:
    """Machine code for weights in `precision` is there; False where it cannot be kept."""
    return KERNELS.compile(precision)


def compile_in_background() -> None:
    """Another process begins to compile, unless that was done or is being done; nobody waits."""
    KERNELS.compile_in_background("musegen.model.compiling", "int8")


if __name__ == "__main__":
    in_the_background()
    compile_kernels()
