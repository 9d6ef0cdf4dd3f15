"""Files and notes per second in preparing, in one process, beside MidiTok's REMI.

    python benchmarks/preparing.py FOLDER [--files 300] [--rounds 15] [--block 100] [--title TEXT]

Every candidate does every file of the same sample: one after the other a block of files, so that
caches are as warm as when a folder is prepared, in an order that turns from block to block. After a
round that does not count, the median round is reported.
Leaves benchmarks/results/NAME.json and .md, `preparing` unless said. Needs the `bench` extra.
"""

import gc
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import symusic.core as symusic
from _machine import Machine, Spent, clocked, leave, markdown_table, median, noise, options
from _remi import SETTINGS, remi, sample
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # comes without types

from musegen.corpus.described import controls_of
from musegen.corpus.prepare import prepare
from musegen.corpus.reading import identity_of
from musegen.music import machine as reading
from musegen.music.read import read_midi
from musegen.music.transform import quantise
from musegen.tokens import machine as kernels
from musegen.tokens.codec import encode
from musegen.tokens.controls import Controls

PACKAGES = ("numpy", "symusic", "miditok")
UNSAID = Controls()
PARSE, WHOLE, PEER = "symusic", "whole", "remi"
BLOCK = 100
"""Files that a candidate does at a stretch, unless said: as many as in the measurement that the aim
comes from (MidiTok beside prototypes, 100 files each). The first few find caches cold, which counts
the more the fewer they are: docs/decisions/0012 has 25 and 300, too."""


def read_bytes(path: Path) -> int:
    """The file's bytes are in memory; how many."""
    return len(path.read_bytes())


def parse(path: Path) -> int:
    """symusic has read and parsed the file; its notes."""
    return int(symusic.ScoreTick.from_midi(path.read_bytes()).note_num())


def read(path: Path) -> int:
    """The file is a Score; its notes."""
    return read_midi(path).note_count


def on_grid(path: Path) -> int:
    """The file is a Score on the grid; its notes."""
    return quantise(read_midi(path))[0].note_count


def rows(path: Path) -> int:
    """The file is event rows without wishes: notes, tracks, programs, tempo, meter; how many."""
    score, _ = quantise(read_midi(path))
    return len(encode(score, UNSAID))


def whole(path: Path) -> int:
    """The file is event rows as they are trained on: key, mood, chords, form, densities; rows."""
    score, _ = quantise(read_midi(path))
    controls = controls_of(score)
    identity_of(score)
    return len(encode(score, controls))


@dataclass
class Candidate:
    """Something that is done with each file, and what it took in each round."""

    name: str
    does: str
    call: Callable[[Path], int]
    rounds: list[Spent] = field(default_factory=list)
    made: int = 0  # what it made of all files: bytes, notes, rows or tokens

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the median round."""
        return median(spent.cpu_s for spent in self.rounds)

    def figures(self, files: int, notes: int) -> dict[str, object]:
        """Everything about it that is kept."""
        return {
            "does": self.does,
            "made": self.made,
            "files_per_cpu_second": round(files / self.cpu_s, 1),
            "notes_per_cpu_second": round(notes / self.cpu_s),
            "ms_per_file": round(1000 * self.cpu_s / files, 4),
            "noise": round(noise([spent.cpu_s for spent in self.rounds]), 3),
            "rounds": [asdict(spent) for spent in self.rounds],
        }


def candidates() -> list[Candidate]:
    """All candidates; musegen's own build on each other."""
    tokenizer = remi()

    def tokens(path: Path) -> int:
        return len(tokenizer.encode(path).ids)

    return [
        Candidate("bytes", "reading the bytes alone", read_bytes),
        Candidate(PARSE, "symusic, parsing alone", parse),
        Candidate("read", "musegen: read", read),
        Candidate("grid", "musegen: read, quantise", on_grid),
        Candidate("rows", "musegen: read, quantise, encode (REMI's features)", rows),
        Candidate(WHOLE, "musegen: read, quantise, measure, encode (all it trains on)", whole),
        Candidate(PEER, "MidiTok REMI, file to ids", tokens),
    ]


def usable(tried: Sequence[Candidate], files: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The files that every candidate can do, which warms all up, and who refused the others."""
    good, refused = [], []
    for path in files:
        made = []
        for candidate in tried:
            try:
                made.append(candidate.call(path))
            except Exception as error:  # noqa: BLE001 - whatever another library raises
                refused.append(f"{candidate.name}: {type(error).__name__}")
                break
        else:
            good.append(path)
            for candidate, count in zip(tried, made, strict=True):
                candidate.made += count
    return good, refused


def one_round(tried: Sequence[Candidate], files: Sequence[Path], block: int, number: int) -> None:
    """Every candidate has done every file once more."""
    totals = {candidate.name: Spent(0.0, 0.0) for candidate in tried}
    for place, first in enumerate(range(0, len(files), block)):
        turn = (place + number) % len(tried)
        for candidate in [*tried[turn:], *tried[:turn]]:
            gc.collect()
            some = files[first : first + block]
            totals[candidate.name] += clocked(partial(do_all, candidate.call, some))[1]
    for candidate in tried:
        candidate.rounds.append(totals[candidate.name])


def do_all(call: Callable[[Path], int], files: Sequence[Path]) -> None:
    """The call was made on each file."""
    for path in files:
        call(path)


def prepare_all(folder: Path, files: Sequence[Path]) -> Spent:
    """What `prepare` takes for these files: the whole path, splits, and shards on the disk."""
    with tempfile.TemporaryDirectory() as place:
        copies = Path(place) / "midi"
        for path in files:
            copy = copies / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        return clocked(lambda: prepare(copies, Path(place) / "prepared", workers=0))[1]


@dataclass(frozen=True)
class Measured:
    """A sample of a folder and how it was measured."""

    music: str
    files: int
    notes: int
    seed: int
    rounds: int
    block: int
    refused: list[str]
    machine_code: bool
    remi: str = SETTINGS


def page(said: Measured, tried: Sequence[Candidate], everything: Sequence[Spent]) -> list[str]:
    """The page of results in Markdown."""
    by_name = {candidate.name: candidate for candidate in tried}
    peer, parsing = by_name[PEER].cpu_s, by_name[PARSE].cpu_s
    lines = [(c.does, [spent.cpu_s for spent in c.rounds]) for c in tried]
    lines.insert(-1, ("musegen: `prepare`, shards written", [spent.cpu_s for spent in everything]))
    table = markdown_table(
        ("", "files/s", "notes/s", "ms/file", "x symusic's time", "x REMI's speed", "noise"),
        [
            (
                does,
                f"{said.files / median(cpu_s):,.0f}",
                f"{said.notes / median(cpu_s):,.0f}",
                f"{1000 * median(cpu_s) / said.files:.3f}",
                f"{median(cpu_s) / parsing:.2f}",
                f"{peer / median(cpu_s):.1f}",
                f"{noise(cpu_s):.0%}",
            )
            for does, cpu_s in lines
        ],
    )
    tokens, encoded = by_name[PEER].made / said.notes, by_name[WHOLE].made / said.notes
    return [
        "# Preparing: a MIDI file becomes event rows",
        f"{said.music}: {said.files} of them drawn with seed {said.seed}, {said.notes:,} notes "
        f"({said.notes / said.files:,.0f} a file). One process, one thread (numpy's products too), "
        f"CPU seconds, median of {said.rounds} rounds, the candidates alternated in blocks of "
        f"{said.block} files; noise is (max - min) / median. musegen's work is done by "
        + ("machine code where there is some." if said.machine_code else "numpy alone."),
        table,
        f"Files that one of them refused, not counted: {', '.join(said.refused) or 'none'}.",
        f"REMI here: {said.remi}. It makes {tokens:.2f} tokens a note, musegen {encoded:.2f} rows "
        "a note with all controls, chords and sections. What is measured: key, mood, densities, "
        "ranges, chords, sections and repeats, none of which REMI has. Each line of musegen's "
        "starts from the file and does all that is named: the difference of two is a stage.",
    ]


def main() -> None:
    """Measure and leave the results."""
    parser = options(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--block", type=int, default=BLOCK, help="files at a stretch")
    parser.add_argument("--numpy", action="store_true", help="no machine code, as for a few files")
    parser.add_argument("--name", default="preparing", help="of the results")
    chosen = parser.parse_args()
    machine = Machine(PACKAGES)
    if not chosen.numpy:
        assert kernels.compile_kernels()
        kernels.load_soon()
        assert kernels.KERNELS.loaded
        assert reading.KERNELS.loaded
    drawn, in_all = sample(chosen.folder, chosen.files, chosen.seed)
    tried = candidates()
    files, refused = usable(tried, drawn)
    everything: list[Spent] = []
    with threadpool_limits(1):
        for number in range(chosen.rounds):
            one_round(tried, files, chosen.block, number)
            everything.append(prepare_all(chosen.folder, files))
    notes = next(c.made for c in tried if c.name == "read")
    music = f"{chosen.title or chosen.folder.resolve().name}, {in_all:,} files"
    said = Measured(
        music,
        len(files),
        notes,
        chosen.seed,
        chosen.rounds,
        chosen.block,
        refused,
        not chosen.numpy,
    )
    figures = {
        **asdict(said),
        "candidates": {c.name: c.figures(len(files), notes) for c in tried},
        "prepare": [asdict(spent) for spent in everything],
    }
    leave(chosen.results, chosen.name, machine.describe(), figures, page(said, tried, everything))


if __name__ == "__main__":
    main()
