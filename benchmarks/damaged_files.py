"""How many damaged files load with notes, by kind of damage: musegen beside other readers.

    python benchmarks/damaged_files.py

The files are those of tests/music/hostile.py that hold a MIDI header, need not be refused, and are
small enough for every reader. A reader that takes longer than ten seconds has not loaded the file.
Leaves benchmarks/results/damaged_files.json and .md.
"""

import io
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import pretty_midi
import symusic.core as symusic
from _machine import Machine, leave, markdown_table, options

sys.path.insert(0, str(Path(__file__).parents[1]))

from musegen.music.read import read_midi
from tests.music.hostile import hostile

PACKAGES = ("symusic", "mido", "pretty_midi")
LARGEST = 300_000  # bytes: others take minutes for more
LIMIT_S = 10


def with_mido(content: bytes) -> int:
    """Notes that are struck, as mido reads them."""
    messages = (m for track in mido.MidiFile(file=io.BytesIO(content)).tracks for m in track)
    return sum(message.type == "note_on" and message.velocity > 0 for message in messages)


def with_pretty_midi(content: bytes) -> int:
    """Notes, as pretty_midi reads them."""
    found = pretty_midi.PrettyMIDI(io.BytesIO(content))
    return sum(len(part.notes) for part in found.instruments)


READERS: dict[str, Callable[[bytes], int]] = {
    "musegen": lambda content: read_midi(content).note_count,
    "symusic": lambda content: int(symusic.ScoreTick.from_midi(content).note_num()),
    "symusic, sanitised": lambda content: int(
        symusic.ScoreTick.from_midi(content, sanitize_data=True).note_num()
    ),
    "pretty_midi": with_pretty_midi,
    "mido": with_mido,
}


def notes_of(reader: Callable[[bytes], int], content: bytes, raised: Counter[str]) -> int:
    """The notes that a reader finds; 0 where it raises or takes too long."""
    signal.alarm(LIMIT_S)
    try:
        return reader(content)
    except Exception as error:  # noqa: BLE001 - whatever another library raises
        raised[type(error).__name__] += 1
        return 0
    finally:
        signal.alarm(0)


def _late(*_: Any) -> None:
    raise TimeoutError


def main() -> None:
    """Read every file with every reader and leave the results."""
    chosen = options(__doc__).parse_args()
    machine = Machine(PACKAGES)
    signal.signal(signal.SIGALRM, _late)
    warnings.simplefilter("ignore")
    cases = [
        case
        for case in hostile()
        if case.notes != 0 and b"MThd" in case.content and len(case.content) <= LARGEST
    ]
    files = Counter(case.kind for case in cases)
    loaded: dict[str, Counter[str]] = {name: Counter() for name in READERS}
    raised: dict[str, Counter[str]] = {name: Counter() for name in READERS}
    most: Counter[str] = Counter()
    for case in cases:
        found = {name: notes_of(r, case.content, raised[name]) for name, r in READERS.items()}
        for name, notes in found.items():
            loaded[name][case.kind] += notes > 0
            most[name] += notes == max(found.values()) > 0
    rows: list[tuple[object, ...]] = [
        (kind, count, *(loaded[name][kind] for name in READERS)) for kind, count in files.items()
    ]
    share = {name: loaded[name].total() / len(cases) for name in READERS}
    rows.append(("all", len(cases), *(loaded[name].total() for name in READERS)))
    rows.append(("of all", "", *(f"{share[name]:.1%}" for name in READERS)))
    rows.append(("no reader finds more notes", "", *(f"{most[name]:,}" for name in READERS)))
    page = [
        "# Damaged files that load with notes",
        f"{len(cases)} files that musegen's tests make (tests/music/hostile.py), each with a MIDI "
        f"header, of at most {LARGEST:,} bytes. They were written beside the reader, so its share "
        "is an upper bound; what it does with real files is in docs/decisions/0006.",
        markdown_table(("damage", "files", *READERS), rows),
        "What else was raised: "
        + "; ".join(
            f"{name}: "
            + (", ".join(f"{kind} {n}" for kind, n in raised[name].items()) or "nothing")
            for name in READERS
        )
        + ".",
    ]
    figures = {
        "files": dict(files),
        "loaded": {name: dict(counts) for name, counts in loaded.items()},
        "share": {name: round(value, 4) for name, value in share.items()},
        "most_notes": dict(most),
        "raised": {name: dict(counts) for name, counts in raised.items()},
    }
    leave(chosen.results, "damaged_files", machine.describe(), figures, page)


if __name__ == "__main__":
    main()
