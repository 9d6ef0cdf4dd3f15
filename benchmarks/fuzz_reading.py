"""Whether anything but a MidiError ever comes out of reading: mutants of damaged and sound files.

    python benchmarks/fuzz_reading.py [--mutants 500000] [--seed 1]

Every mutant is a file of tests/music/hostile.py with one to eight small changes. What is raised
that is no MidiError is counted by its kind, and so is what takes more than a second of the
processor, what is read with fewer notes than symusic finds, and what machine code, which reads
plain files of folders, reads otherwise. What symusic has begin before the beginning, because its
time is past 2^31 ticks and wrapped round, is no note.
Leaves benchmarks/results/fuzz_reading.json and .md.
"""

import argparse
import random
import sys
import time
from array import array
from collections import Counter
from pathlib import Path
from typing import Any

import symusic.core as symusic
from _machine import Machine, leave, markdown_table, options

sys.path.insert(0, str(Path(__file__).parents[1]))

from musegen.errors import MidiError
from musegen.music.machine import KERNELS
from musegen.music.plain import plain_score
from musegen.music.read import CPLUSPLUS_ERRORS, read_midi
from musegen.music.source import DEFAULT_LIMITS
from tests.music.hostile import hostile, mutant

PACKAGES = ("numpy", "symusic")
LARGEST = 4_000  # bytes of a file that is changed
SLOW_S = 1.0
EVERY = 20_000  # mutants: a run that is stopped has left what it knew


def outcome(content: bytes, counts: Counter[str], kernels: Any) -> float:
    """The mutant was read; seconds of the processor that it took without machine code."""
    begin = time.process_time()
    notes, read = 0, None
    try:
        read = read_midi(content)
        notes = read.note_count
        counts["read with notes"] += 1
    except MidiError:
        counts["refused with a reason"] += 1
    except Exception as error:  # noqa: BLE001 - what escapes is what is looked for
        counts[f"escaped: {type(error).__name__}"] += 1
    spent = time.process_time() - begin
    counts["slower than a second"] += spent > SLOW_S
    try:
        plain = plain_score(content, DEFAULT_LIMITS, kernels)
        if plain is not None:
            counts["read by machine code"] += 1
            same = plain == read and read is not None and plain.repairs == read.repairs
            counts["otherwise by machine code"] += not same
    except Exception as error:  # noqa: BLE001 - what escapes is what is looked for
        counts[f"escaped from machine code: {type(error).__name__}"] += 1
    try:
        found = symusic.ScoreTick.from_midi(content, sanitize_data=True)
        others = sum(int((part.notes.numpy()["time"] >= 0).sum()) for part in found.tracks)
    except CPLUSPLUS_ERRORS:
        others = 0
    counts["symusic refuses"] += not others
    counts["fewer notes than symusic"] += 0 < notes < others
    counts["refused, and symusic finds notes"] += notes == 0 and others > 0
    return spent


def leave_so_far(
    chosen: argparse.Namespace,
    machine: Machine,
    sources: int,
    counts: Counter[str],
    spent: "array[float]",
) -> None:
    """The results say what came of the mutants that were read until now."""
    in_order, done = sorted(spent), len(spent)
    cpu_ms = {
        "median": round(1000 * in_order[done // 2], 3),
        "99.9 in 100": round(1000 * in_order[int(done * 0.999)], 3),
        "most": round(1000 * in_order[-1], 3),
    }
    figures = {
        "asked_for": chosen.mutants,
        "mutants": done,
        "seed": chosen.seed,
        "sources": sources,
        "counts": dict(counts),
        "cpu_ms": cpu_ms,
    }
    escaped = sum(count for name, count in counts.items() if name.startswith("escaped"))
    rows = [(name, f"{count:,}") for name, count in sorted(counts.items())]
    page = [
        "# Reading mutants",
        f"{done:,} mutants of {chosen.mutants:,} asked for (seed {chosen.seed}), made from "
        f"{sources} damaged and sound files of at most {LARGEST:,} bytes, in one process: "
        f"{escaped} escaped, no crash.",
        markdown_table(("", "mutants"), rows),
        "CPU milliseconds a mutant: " + ", ".join(f"{n} {ms:g}" for n, ms in cpu_ms.items()) + ".",
    ]
    leave(chosen.results, "fuzz_reading", machine.describe(), figures, page)


def main() -> None:
    """Read the mutants; the results are left every so often, and at the end."""
    parser = options(__doc__)
    parser.add_argument("--mutants", type=int, default=500_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    machine, chance = Machine(PACKAGES), random.Random(chosen.seed)
    sources = [case.content for case in hostile() if 60 < len(case.content) < LARGEST]
    assert KERNELS.compile()
    kernels, KERNELS.loaded = KERNELS.load(), None  # `read_midi` goes the other way
    counts: Counter[str] = Counter({"otherwise by machine code": 0})
    spent = array("d")
    for number in range(1, chosen.mutants + 1):
        spent.append(outcome(mutant(chance.choice(sources), chance), counts, kernels))
        if number % EVERY == 0 or number == chosen.mutants:
            leave_so_far(chosen, machine, len(sources), counts, spent)


if __name__ == "__main__":
    main()
