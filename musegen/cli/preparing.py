"""Preparing a folder as the terminal shows it: for `musegen prepare` and `musegen train`."""

from collections.abc import Iterator
from pathlib import Path

from musegen.cli.progress import console, counted
from musegen.corpus.guarded import cores
from musegen.corpus.prepare import prepare
from musegen.corpus.reading import PrepareSettings
from musegen.corpus.shards import Facts, Prepared
from musegen.errors import SettingError, shown


def prepared_with_progress(
    folder: Path,
    out: Path,
    workers: int | None,
    quiet: bool,
    settings: PrepareSettings | None = None,
) -> Prepared:
    """`folder` is prepared at `out`; progress and a summary were shown unless `quiet`."""
    many = workers_asked(workers)
    try:
        with counted("reading files", quiet) as show:
            ready = prepare(
                folder,
                out,
                settings,
                workers=many,
                progress=lambda done: show(done.done, done.files),
            )
    except KeyboardInterrupt:
        console.print("what was read so far is kept: the same command goes on from there")
        raise
    if not quiet:
        for line in summary(ready.facts):
            console.print(line, markup=False)
    return ready


def workers_asked(workers: int | None) -> int:
    """How many processes read files: one for each core unless said."""
    if workers is None:
        return cores()
    if workers < 0:
        raise SettingError(f"--workers {workers} is negative; 0 reads files without workers")
    return workers


def summary(facts: Facts) -> Iterator[str]:
    """What was found in the folder, in words, a line each."""
    yield (
        f"{facts.files:,} files: {facts.pieces:,} pieces with {facts.notes:,} notes; "
        f"{facts.held_out:,} pieces are held out to judge with"
    )
    for reason, count in facts.reasons.items():
        yield f"left out: {count:,} {reason}"
    genres = sorted(facts.genre_counts.items(), key=lambda pair: -pair[1])
    yield "genres: " + ", ".join(f"{shown(name or 'none')} {count:,}" for name, count in genres)
    for warning in facts.warnings:
        yield f"note: {shown(warning)}"
