"""What a benchmark shares with the others: clocks, medians, the machine's description, results.

In: calls to time and figures to keep. Out: seconds, Markdown tables, and NAME.json with NAME.md in
benchmarks/results/, each written whole. Names no path and no host; knows no music.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from musegen.files import write_whole

Result = TypeVar("Result")

RESULTS = Path(__file__).parent / "results"
CPU_INFO = Path("/proc/cpuinfo")
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "neon", "asimd", "bf16")
"""What a processor can do that decides how fast matrices are multiplied on it."""


@dataclass(frozen=True)
class Spent:
    """What a call took: CPU seconds of all threads of this process, and seconds on the wall."""

    cpu_s: float
    wall_s: float

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.cpu_s + other.cpu_s, self.wall_s + other.wall_s)


def clocked(call: Callable[[], Result]) -> tuple[Result, Spent]:
    """What the call returned, and what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return result, Spent(time.process_time() - cpu, time.perf_counter() - wall)


def median(values: Iterable[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def noise(values: Sequence[float]) -> float:
    """How far the values lie apart, as a share of their median: (max - min) / median."""
    return (max(values) - min(values)) / median(values)


class Machine:
    """The machine as it is when the benchmark begins; `describe` adds how busy it was meanwhile."""

    def __init__(self, packages: Sequence[str]) -> None:
        self._load = [_load()]
        self._began = time.perf_counter()
        self._facts: dict[str, object] = {
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            **_processor(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "versions": {name: version(name) for name in packages},
        }

    def describe(self) -> dict[str, object]:
        """Date, processor, versions, and the load average when it began and now."""
        return {
            **self._facts,
            "took_s": round(time.perf_counter() - self._began),
            "load_average": [*self._load, _load()],
        }


def _load() -> float | None:
    """How many processes wanted a core over the last minute; None where nobody counts them."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _processor() -> dict[str, object]:
    """The processor's name, and which of `FLAGS` it has where the system says so."""
    name, flags = platform.processor() or platform.machine(), ""
    if CPU_INFO.is_file():
        lines = (line.partition(":") for line in CPU_INFO.read_text().splitlines())
        known = {key.strip(): text.strip() for key, _, text in lines}
        name = known.get("model name", name)
        flags = known.get("flags", known.get("Features", ""))
    return {"processor": name, "can": [flag for flag in FLAGS if flag in flags.split()]}


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, the others are numbers on the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def leave(
    folder: Path,
    name: str,
    machine: Mapping[str, object],
    figures: Mapping[str, object],
    page: Sequence[str],
) -> None:
    """NAME.json holds the machine and all figures; NAME.md the page, and is printed."""
    folder.mkdir(parents=True, exist_ok=True)
    entry = {"machine": dict(machine), **figures}
    text = "\n\n".join([*page, _machine_line(machine)]) + "\n"
    write_whole(folder / f"{name}.json", (json.dumps(entry, indent=1) + "\n").encode(), force=True)
    write_whole(folder / f"{name}.md", text.encode(), force=True)
    print(text)


def _machine_line(machine: Mapping[str, object]) -> str:
    can, versions, load = machine["can"], machine["versions"], machine["load_average"]
    assert isinstance(can, list)
    assert isinstance(versions, dict)
    assert isinstance(load, list)
    return (
        f"{machine['date']}: {machine['processor']}, {machine['cores']} cores "
        f"({', '.join(can) or 'unknown abilities'}), {machine['system']}, "
        f"Python {machine['python']}, "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + f". The run took {machine['took_s']} s; load average {load[0]} when it began, "
        f"{load[-1]} when it ended."
    )


def options(description: str | None) -> argparse.ArgumentParser:
    """A parser with what every benchmark understands."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--title", help="what to call the music in the results")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where to leave the results")
    return parser
