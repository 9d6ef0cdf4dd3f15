"""Memory and time of `musegen prepare`, as the collection grows.

    python benchmarks/preparing_memory.py FOLDER [--files 1000 4000] [--workers 1] [--title TEXT]

Each size is a sample of the one after it, and the last is the whole folder. Every run is a fresh
process that prepares links to the files; then it is run again with one more file, which is what a
user does. Leaves benchmarks/results/preparing_memory.json and .md.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from _machine import Machine, leave, markdown_table, options

from musegen.corpus.labels import LABELS_FILE
from musegen.corpus.scan import find_midi

PACKAGES = ("numpy", "symusic")
MILLION = 1_000_000
MIB = 2**20

RUN = """
import json, resource, sys, time
from musegen.corpus.prepare import prepare

def peak(who):
    return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

if __name__ == "__main__":
    folder, out, workers = sys.argv[1:]
    began = time.perf_counter()
    facts = prepare(folder, out, workers=int(workers)).facts
    wall_s = time.perf_counter() - began
    own = resource.getrusage(resource.RUSAGE_SELF)
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({
        "files": facts.files, "pieces": facts.pieces, "notes": facts.notes, "wall_s": wall_s,
        "own_cpu_s": own.ru_utime + own.ru_stime,
        "workers_cpu_s": others.ru_utime + others.ru_stime,
        "peak": peak(resource.RUSAGE_SELF), "worker_peak": peak(resource.RUSAGE_CHILDREN),
    }))
"""


@dataclass(frozen=True)
class Run:
    """What one run made and took. Peaks are bytes of resident memory: its own, and a worker's."""

    files: int
    pieces: int
    notes: int
    wall_s: float
    own_cpu_s: float
    workers_cpu_s: float
    peak: int
    worker_peak: int

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all its processes."""
        return self.own_cpu_s + self.workers_cpu_s


def run(folder: Path, out: Path, workers: int) -> Run:
    """`folder` was prepared at `out` in a process of its own."""
    script = out.parent / "run.py"
    script.write_text(RUN)
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, script, folder, out, str(workers)],
        env={**os.environ, "PYTHONPATH": str(root)},
        check=True,
        capture_output=True,
        text=True,
    )
    return Run(**json.loads(done.stdout))


def link(source: Path, target: Path) -> None:
    """The file is at `target`, too."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def measure(folder: Path, paths: Sequence[str], workers: int) -> tuple[Run, Run]:
    """All of these files but the last, then once more with the last."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        music, out = Path(place) / "music", Path(place) / "prepared"
        for path in paths[:-1]:
            link(folder / path, music / path)
        if (folder / LABELS_FILE).is_file():
            shutil.copyfile(folder / LABELS_FILE, music / LABELS_FILE)
        whole = run(music, out, workers)
        link(folder / paths[-1], music / paths[-1])
        return whole, run(music, out, workers)


def page(title: str, workers: int, runs: Sequence[tuple[Run, Run]]) -> list[str]:
    """The page of results in Markdown."""
    table = markdown_table(
        (
            "files", "pieces", "notes", "peak MiB", "a worker's", "wall s", "CPU s",
            "CPU ms/file", "one more file: CPU s", "its peak MiB",
        ),
        [
            (
                f"{r.files:,}", f"{r.pieces:,}", f"{r.notes:,}", f"{r.peak / MIB:,.0f}",
                f"{r.worker_peak / MIB:,.0f}", f"{r.wall_s:,.0f}", f"{r.cpu_s:,.0f}",
                f"{1000 * r.cpu_s / r.files:.2f}", f"{again.cpu_s:,.1f}",
                f"{again.peak / MIB:,.0f}",
            )
            for r, again in runs
        ],
    )  # fmt: skip
    (before, _), (last, _) = runs[-2:]
    growth = (last.peak - before.peak) / (last.files - before.files)
    own = last.own_cpu_s / last.files
    each = last.cpu_s / last.files
    ahead = MILLION - last.files
    return [
        "# Preparing: memory and time as the collection grows",
        f"{title}; {workers} worker(s) beside the process that gathers. Each size is a sample of "
        "the next, prepared by a fresh process from nothing; then one file more is added and it is "
        "prepared again.",
        table,
        f"From {before.files:,} to {last.files:,} files the gathering process grew by "
        f"{growth:,.0f} bytes a file, rows and sketches lie on the disk. At that rate a million "
        f"files take {(last.peak + growth * ahead) / MIB:,.0f} MiB there, "
        f"{each * MILLION / 3600:,.1f} CPU hours in all, of which gathering, which no worker "
        f"shares, takes {own * MILLION / 3600:,.1f}. This is a straight line drawn through two "
        "points: splitting and looking for kin were seen at no such size.",
    ]


def main() -> None:
    """Measure and leave the results."""
    parser = options(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, nargs="+", default=[1000, 4000])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    machine = Machine(PACKAGES)
    folder = chosen.folder.resolve()
    paths = [found.path for found in find_midi(folder)[0]]
    random.Random(chosen.seed).shuffle(paths)
    sizes = [size for size in chosen.files if size < len(paths)]
    runs = [measure(folder, paths[: size + 1], chosen.workers) for size in sizes]
    runs.append(measure(folder, paths, chosen.workers))
    title = f"{chosen.title or folder.name}, {len(paths):,} files"
    figures = {
        "music": title,
        "workers": chosen.workers,
        "seed": chosen.seed,
        "runs": [{"whole": asdict(r), "one_more": asdict(again)} for r, again in runs],
    }
    lines = page(title, chosen.workers, runs)
    leave(chosen.results, "preparing_memory", machine.describe(), figures, lines)


if __name__ == "__main__":
    main()
