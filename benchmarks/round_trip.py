"""Does every piece survive the trip through rows? And what did quantising do to it before?

    python benchmarks/round_trip.py FOLDER

Reads every MIDI file of FOLDER as `musegen train` does, measures its controls, and checks that
`decode(encode(score, controls)) == (score, controls)`. Reports by source (the labels' column) how
far onsets moved and what was merged or clipped. Writes benchmarks/results/round_trip.json and .md.
"""

from collections import Counter, defaultdict
from pathlib import Path

from _machine import Machine, leave, markdown_table
from _machine import options as machine_options

from musegen.corpus.barring import with_real_bars, with_steady_grid
from musegen.corpus.described import controls_of
from musegen.corpus.labels import read_labels
from musegen.corpus.scan import find_midi
from musegen.errors import MusegenError
from musegen.music.read import read_midi
from musegen.music.transform import quantise
from musegen.tokens.codec import decode, encode

COLUMNS = {
    "notes_merged": "notes merged",
    "overlaps_cut": "overlaps cut",
    "lengths_raised": "too short, raised",
    "lengths_snapped": "lengths snapped",
    "lengths_cut": "too long, cut",
    "tracks_merged": "tracks merged",
    "bars_trimmed": "empty bars before",
    "bar_lines_moved": "pieces with bar lines moved",
}


def main() -> None:
    """Send every piece through rows and back."""
    parser = machine_options(__doc__)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    machine = Machine(["symusic", "numpy"])
    labels = read_labels(options.folder)
    files, _ = find_midi(options.folder)
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    failed = []
    for file in files:
        label = labels.of(file.path)
        counts = sums[label.source]
        counts["files"] += 1
        try:
            score, adrift = with_steady_grid(read_midi(options.folder / file.path))
            score, report = quantise(score)
            score, moved = with_real_bars(score, trusted=not adrift)
        except MusegenError:
            counts["refused"] += 1
            continue
        controls = controls_of(score, label).on_grid()
        genres = (label.genre,) if label.genre else ()
        if decode(encode(score, controls, genres), genres) != (score, controls):
            failed.append(file.path)
        counts["notes"] += report.notes_out
        counts["bar_lines_moved"] += moved
        counts["moved_ms"] += report.shift_mean_ms * report.notes_out
        counts["moved_max_ms"] = max(counts["moved_max_ms"], report.shift_max_ms)
        for name, value in report.changes.items():
            if name in COLUMNS:
                counts[name] += value
    rows = [
        [
            source or "none",
            f"{c['files']:,}",
            f"{c['refused']:,}",
            f"{c['notes']:,}",
            f"{c['moved_ms'] / max(c['notes'], 1):.2f}",
            f"{c['moved_max_ms']:.0f}",
            *(f"{c[name]:,}" for name in COLUMNS),
        ]
        for source, c in sorted(sums.items())
    ]
    total = sum(c["files"] - c["refused"] for c in sums.values())
    page = [
        f"{total - len(failed):,} of {total:,} pieces came back from rows exactly as they went in.",
        markdown_table(
            ["source", "files", "refused", "notes", "onset moved, mean ms", "max ms",
             *COLUMNS.values()],
            rows,
        ),
    ]  # fmt: skip
    figures = {
        "pieces": total,
        "failed": failed,
        "by_source": {k: dict(v) for k, v in sums.items()},
    }
    leave(options.results, "round_trip", machine.describe(), figures, page)


if __name__ == "__main__":
    main()
