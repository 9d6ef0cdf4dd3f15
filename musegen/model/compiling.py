"""Where the machine code of `kernels` is kept, and which arithmetic there is because of that.

Compiling takes some ten seconds, once for a version of musegen and numba on a machine. Nobody waits
for it: until it is done, and wherever its folder cannot be written, `plain` computes the same in
numpy, more slowly. Machine code lies in the user's cache folder, beside a list of its hashes; what
does not fit the list is not loaded.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from musegen.files import write_whole
from musegen.model import plain
from musegen.model.paths import Arithmetic

VARIABLE = "MUSEGEN_CACHE"
"""Names the folder for what can be made again; else the place that the system has for that."""

READY = "ready.json"
MAKING = "making"
LONGEST_S = 180
"""A compilation that began longer ago was broken off."""

_HERE = Path(__file__).parent
_SOURCES = sorted([*_HERE.glob("kernel*.py"), _HERE / "packing.py", _HERE / "plain.py"])
_CPU_INFO = Path("/proc/cpuinfo")
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


def arithmetic(precision: str) -> Arithmetic:
    """The kernels, where their machine code for weights in `precision` is there; else `plain`."""
    folder = _folder()
    if precision not in _compiled(folder):
        return cast(Arithmetic, plain)
    kernels = _kernels(folder)
    _compile(kernels, precision)
    return cast(Arithmetic, kernels)


@contextmanager
def without_scipy() -> Iterator[None]:
    """What is imported in here finds no scipy: numba would load its linear algebra, half a second
    that no kernel needs. Only for a process that compiles nothing else.
    """
    if "scipy" in sys.modules:
        yield
        return
    missing: dict[str, Any] = sys.modules  # None stands for what cannot be imported
    missing["scipy"] = None
    try:
        yield
    finally:
        del missing["scipy"]


def compile_kernels(precision: str = "int8") -> bool:
    """Machine code for weights in `precision` is there; False where it cannot be kept.

    Waits for whoever is compiling already.
    """
    folder = _folder()
    while not (mine := _begin(folder)) and _is_being_made(folder):
        time.sleep(0.2)
    try:
        there = _compiled(folder)
        if precision in there or not mine:
            return precision in there
        if not there:
            for path in folder.rglob("*.nb[ic]"):  # half of something, or damaged
                path.unlink()
        _compile(_kernels(folder), precision)
        ready = {"precisions": [*there, precision], "sha256": _hashes(folder)}
        if not ready["sha256"]:  # somebody imported the kernels first: their code is kept elsewhere
            return False
        write_whole(folder / READY, json.dumps(ready).encode(), force=True)
    finally:
        if mine:
            (folder / MAKING).unlink(missing_ok=True)
    return True


def compile_in_background() -> None:
    """Another process begins to compile, unless that was done or is being done; nobody waits."""
    folder = _folder()
    if "int8" in _compiled(folder) or _is_being_made(folder) or not _begin(folder):
        return
    (folder / MAKING).unlink()
    subprocess.Popen(
        [sys.executable, "-m", "musegen.model.compiling"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2], start_new_session=True,
    )  # fmt: skip


def cache_folder() -> Path:
    """The user's folder for what can be made again."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "musegen"
    places = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return (Path(places) if places else Path.home() / ".cache") / "musegen"


def _folder() -> Path:
    """Its name changes with whatever machine code depends on."""
    depends = [
        *((p.read_text(encoding="utf-8"), str(p), p.stat().st_mtime_ns) for p in _SOURCES),
        SIGNATURES,
        version("numba"), version("llvmlite"), version("numpy"), sys.version,
        platform.machine(), _abilities(),
    ]  # fmt: skip
    digest = hashlib.sha256(json.dumps(depends).encode()).hexdigest()[:16]
    return cache_folder() / f"kernels-{digest}"


def _abilities() -> str:
    """What this processor can do, where the system says it."""
    if not _CPU_INFO.is_file():
        return platform.processor()
    lines = _CPU_INFO.read_text().splitlines()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _compiled(folder: Path) -> list[str]:
    """The precisions for which machine code is there, whole."""
    try:
        ready = json.loads((folder / READY).read_text(encoding="utf-8"))
        there: list[str] = ready["precisions"] if ready["sha256"] == _hashes(folder) else []
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return there


def _hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file of machine code, by its place."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.nb[ic]"))
    }


def _is_being_made(folder: Path) -> bool:
    try:
        return time.time() - (folder / MAKING).stat().st_mtime < LONGEST_S
    except OSError:
        return False


def _begin(folder: Path) -> bool:
    """The folder is there and belongs to this process; False where another has it, or none may."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _is_being_made(folder):
            (folder / MAKING).unlink(missing_ok=True)
        (folder / MAKING).touch(exist_ok=False)
    except OSError:
        return False
    return True


def _compile(kernels: Any, precision: str) -> None:
    """Every kernel is compiled for matrices in `precision`, or its machine code was there."""
    from numba.core.sigutils import normalize_signature

    numbers = "i1" if precision == "int8" else "f4"
    for name, signature in SIGNATURES.items():
        arguments, _ = normalize_signature(  # type: ignore[no-untyped-call]
            signature.replace("W", numbers)
        )
        getattr(kernels, name).compile(arguments)  # what a call looks for is a tuple, no string


def _kernels(folder: Path) -> Any:
    """The module `kernels`, whose machine code is kept in that folder."""
    config: Any = import_module("numba.core.config")
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        return import_module("musegen.model.kernels")
    finally:
        config.CACHE_DIR = before


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(10)  # whoever composes meanwhile goes first
    compile_kernels()
