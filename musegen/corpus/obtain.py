"""A collection of the catalogue becomes a folder to train on: fetched, unpacked, labelled.

In: an `Entry` and where to put it. Out: a folder of MIDI with labels.csv that appears whole or not
at all. Asks nobody; whether the licence was read is the command line's business.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from musegen.corpus.catalogue import Entry
from musegen.corpus.download import Patience, Progress, check_file, fetch
from musegen.corpus.labels import LABELS_FILE, labels_csv
from musegen.corpus.unpack import Limits, Unpacked, unpack
from musegen.errors import CorpusError, OutputError
from musegen.folders import whole_folder

ABOUT_FILE = "ABOUT.md"


@dataclass(frozen=True)
class Obtained:
    """What came of it: pieces, how many of each genre, and what in the archive was passed over."""

    folder: Path
    pieces: int
    genres: dict[str, int]
    skipped: dict[str, int]


def is_there(folder: str | Path) -> bool:
    """Whether a collection that was made here lies in that folder."""
    return all((Path(folder) / name).is_file() for name in (LABELS_FILE, ABOUT_FILE))


def check_place(into: str | Path, force: bool) -> None:
    """Refuses a place that is taken; with `force`, one that holds anything but a collection."""
    place = Path(into)
    if not place.exists():
        return
    if not force:
        raise OutputError(
            f"{place} exists already; choose another place with --into, or replace it with --force"
        )
    if not is_there(place):
        raise OutputError(f"{place} holds other files than a collection; choose another place")


def obtain(
    entry: Entry,
    into: str | Path,
    force: bool = False,
    archive: Path | None = None,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Obtained:
    """The collection is at `into`, with its labels.

    It is fetched, unless `archive` names the file that somebody has fetched already. A download
    that does not come to an end stays beside `into` and is gone on with the next time. Raises
    CorpusError and OutputError; then nothing is at `into` that was not there before.
    """
    into = Path(into)
    check_place(into, force)
    if archive is not None:
        if not archive.is_file():
            raise CorpusError(f"{archive}: there is no such file")
        check_file(entry.remote, archive)
        return _unpacked(entry, archive, into, force)
    if not entry.address:
        raise CorpusError(f"{entry.name} cannot be fetched: {entry.by_hand}")
    part = into.parent / f".{into.name}.download"
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{into.parent}: cannot be made ({error.strerror})") from None
    fetch(entry.remote, part, progress, patience)
    try:
        obtained = _unpacked(entry, part, into, force)
    except CorpusError:
        part.unlink(missing_ok=True)  # the next try had better not begin with it
        raise
    part.unlink(missing_ok=True)
    return obtained


def _unpacked(entry: Entry, archive: Path, into: Path, force: bool) -> Obtained:
    limits = Limits(total_bytes=entry.unpacked_bytes or Limits().total_bytes)
    with whole_folder(into, force) as staging:
        taken = unpack(archive, entry.archive, staging, entry.keep, limits)
        if not taken.music:
            raise CorpusError(f"{entry.name}: there is no MIDI in what was fetched")
        labels = {place: entry.label(taken.music[place]) for place in sorted(taken.music)}
        (staging / LABELS_FILE).write_bytes(labels_csv(labels))
        (staging / ABOUT_FILE).write_text(_about(entry, taken), encoding="utf-8")
    genres = Counter(label.genre or "none" for label in labels.values())
    return Obtained(into, len(labels), dict(genres.most_common()), dict(taken.skipped))


def _about(entry: Entry, taken: Unpacked) -> str:
    """What a person who finds the folder wants to know."""
    papers = "".join(f"- {place}\n" for place in sorted(taken.papers))
    return (
        f"# {entry.title}\n\n{entry.what}\n\n"
        f"Licence: {entry.licence}\n\n"
        + (f"{entry.caution}\n\n" if entry.caution else "")
        + f"From: {entry.page}\n"
        + (f"Archive: {entry.address}\n" if entry.address else "")
        + (f"\nIts own papers:\n\n{papers}" if papers else "")
    )
