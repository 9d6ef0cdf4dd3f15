"""Where the machine code of a room's kernels is kept: functions that numba compiles once.

Compiling takes seconds, once for a version of musegen and numba on a machine. Nobody waits for it:
until it is done, and wherever its folder cannot be written, numpy computes the same, more slowly.
Machine code lies in the user's cache folder, beside a list of its hashes; what does not fit the
list is not loaded. Knows no kernel: a room says in a `Library` what it has.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from musegen.files import write_whole

VARIABLE = "MUSEGEN_CACHE"
"""Names the folder for what can be made again; else the place that the system has for that."""

EXACT: Any = {"error_model": "numpy", "nogil": True}
"""How numba is to compile: every operation as it is written, so that numpy gives the same bits."""

PLACE: Any = np.uintp
"""Makes a place in an array of a number that is not below 0: else numba asks at each access whether
to count from the end, which was an eighth of all time."""

READY = "ready.json"
MAKING = "making"
LONGEST_S = 180
"""A compilation that began longer ago was broken off."""

LOOK_S = 5.0
"""Whoever goes on without machine code looks for it again so much later."""

_CPU_INFO = Path("/proc/cpuinfo")


@dataclass
class Library:
    """The kernels of one module, and for which numbers they are compiled.

    `module` defines every function of `signatures`, `sources` is all that their machine code
    depends on. A W in a signature stands for the numbers of a variant. `loaded` is the module once
    its machine code is there for whoever asks; what it computes numpy computes, too, so that
    nothing but time depends on it.
    """

    name: str
    module: str
    sources: Sequence[Path]
    signatures: Mapping[str, str]
    variants: Mapping[str, str] = field(default_factory=lambda: {"only": ""})
    loaded: Any = None
    _next_look_s: float = field(default=0.0, repr=False)

    @property
    def folder(self) -> Path:
        """Where its machine code is kept: the name changes with whatever that depends on."""
        import platform
        from importlib.metadata import version  # 10 ms, which who reads one file need not wait

        sources = [Path(__file__), *self.sources]
        depends = [
            *((p.read_text(encoding="utf-8"), str(p), p.stat().st_mtime_ns) for p in sources),
            self.signatures,
            version("numba"), version("llvmlite"), version("numpy"), sys.version,
            platform.machine(), _abilities(),
            sorted(said for said in os.environ.items() if said[0].startswith("NUMBA_")),
        ]  # fmt: skip
        digest = hashlib.sha256(json.dumps(depends).encode()).hexdigest()[:16]
        return cache_folder() / f"{self.name}-{digest}"

    def load(self, variant: str = "only") -> Any:
        """The module with its machine code; None where that is not there yet."""
        folder = self.folder
        if variant not in compiled_in(folder):
            return None
        self.loaded = self._import(folder)
        try:
            with loading():
                self._make(self.loaded, variant)
        except Exception:  # noqa: BLE001 - whatever numba raises where a file is gone after all
            self._make(self.loaded, variant)
        return self.loaded

    def load_soon(self) -> None:
        """Its machine code is loaded, if it is there: looked for every few seconds, until it is."""
        if self.loaded is None and time.monotonic() >= self._next_look_s:
            self.load()
            self._next_look_s = time.monotonic() + LOOK_S

    def compile(self, variant: str = "only") -> bool:
        """Machine code for a variant is there; False where it cannot be kept.

        Waits for whoever is compiling already.
        """
        folder = self.folder
        while not (mine := begin(folder)) and is_being_made(folder):
            time.sleep(0.2)
        try:
            there = compiled_in(folder)
            if variant in there or not mine:
                return variant in there
            if not there:
                for path in folder.rglob("*.nb[ic]"):  # half of something, or damaged
                    path.unlink()
            self._make(self._import(folder), variant)
            ready = {"variants": [*there, variant], "sha256": _hashes(folder)}
            if not ready["sha256"]:  # somebody imported the module first: its code is elsewhere
                return False
            write_whole(folder / READY, json.dumps(ready).encode(), force=True)
        finally:
            if mine:
                (folder / MAKING).unlink(missing_ok=True)
        return True

    def compile_in_background(self, room: str, variant: str = "only") -> None:
        """Another process runs the module `room`, which compiles; nobody waits.

        None is started where the machine code is there, or is being made.
        """
        folder = self.folder
        if variant in compiled_in(folder) or is_being_made(folder) or not begin(folder):
            return
        (folder / MAKING).unlink()
        import subprocess

        subprocess.Popen(
            [sys.executable, "-m", room],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[1], start_new_session=True,
        )  # fmt: skip

    def _make(self, kernels: Any, variant: str) -> None:
        """Every kernel is compiled for a variant, or its machine code was there."""
        from numba.core.sigutils import normalize_signature

        for name, signature in self.signatures.items():
            arguments, _ = normalize_signature(  # type: ignore[no-untyped-call]
                signature.replace("W", self.variants[variant])
            )
            getattr(kernels, name).compile(arguments)  # what a call looks for is a tuple, no string

    def _import(self, folder: Path) -> Any:
        """The module, whose machine code is kept in that folder."""
        config: Any = import_module("numba.core.config")
        before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
        try:
            return import_module(self.module)
        finally:
            config.CACHE_DIR = before


def in_the_background() -> None:
    """This process goes last: whoever composes or reads meanwhile goes first."""
    if hasattr(os, "nice"):
        os.nice(10)


@contextmanager
def loading() -> Iterator[None]:
    """Machine code that is there is loaded in here, and nothing is compiled: numba would get ready
    to compile before it looks, half a second on a laptop, a third of the way to the first note.
    """
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.registry import cpu_target
    from numba.core.runtime.nrt import rtsys

    context: Any = cpu_target.target_context
    with global_compiler_lock:  # nobody else compiles meanwhile
        context.refresh = lambda: rtsys.initialize(context)  # which makes room for arrays
        try:
            yield
        finally:
            del context.refresh  # it is the class's again


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


def cache_folder() -> Path:
    """The user's folder for what can be made again."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "musegen"
    places = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return (Path(places) if places else Path.home() / ".cache") / "musegen"


def compiled_in(folder: Path) -> list[str]:
    """The variants for which machine code is there, whole."""
    try:
        ready = json.loads((folder / READY).read_text(encoding="utf-8"))
        there: list[str] = ready["variants"] if ready["sha256"] == _hashes(folder) else []
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return there


def is_being_made(folder: Path) -> bool:
    """Whether somebody compiles into that folder."""
    try:
        return time.time() - (folder / MAKING).stat().st_mtime < LONGEST_S
    except OSError:
        return False


def begin(folder: Path) -> bool:
    """The folder is there and belongs to this process; False where another has it, or none may."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not is_being_made(folder):
            (folder / MAKING).unlink(missing_ok=True)
        (folder / MAKING).touch(exist_ok=False)
    except OSError:
        return False
    return True


def _abilities() -> str:
    """What this processor can do, where the system says it."""
    import platform

    if not _CPU_INFO.is_file():
        return platform.processor()
    lines = _CPU_INFO.read_text().splitlines()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file of machine code, by its place."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.nb[ic]"))
    }
