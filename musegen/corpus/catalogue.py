"""The catalogue of openly licensed collections: what there is, and what may be done with it.

In: catalogue.toml, strictly read. Out: an `Entry` for each collection. Fetches nothing.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from musegen.corpus.download import Remote, check_address
from musegen.corpus.labels import Label, genre_name
from musegen.corpus.unpack import KINDS
from musegen.errors import CorpusError, unknown

FILE = "catalogue.toml"


@dataclass(frozen=True)
class Entry:
    """A collection that can be had. What is not known is None, and never guessed.

    Without an `address` it cannot be fetched, and `by_hand` says what to do instead. A genre is
    fixed, or comes from the group "genre" of `genre_from`, a pattern searched in the names of
    files; `genre_names` says what that group is called here. A mood is found in the same way, by
    `mood_from` and `moods`. Pieces with the same group "group" of `group_from` are versions of
    each other.
    """

    name: str
    title: str
    what: str
    licence: str
    page: str
    genres: tuple[str, ...]
    pieces: int | None = None
    caution: str = ""
    commercial: bool = True
    by_hand: str = ""
    address: str = ""
    archive: str = ""
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    keep: tuple[str, ...] = ()
    unpacked_bytes: int | None = None
    genre: str | None = None
    genre_from: str = ""
    genre_names: Mapping[str, str] = field(default_factory=dict)
    mood_from: str = ""
    moods: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    group_from: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", self.name):
            raise CorpusError(f"{self.name!r}: a name is small letters, digits and hyphens")
        for needed in ("title", "what", "licence", "page"):
            if not getattr(self, needed):
                raise CorpusError(f"{self.name}: {needed} is missing")
        if not (self.address or self.by_hand):
            raise CorpusError(f"{self.name}: it has no address, and by_hand does not say why")
        for address in filter(None, (self.page, self.address)):
            check_address(address)
        if (self.address or self.archive) and self.archive not in KINDS:
            raise CorpusError(f"{self.name}: {unknown('archive', self.archive, KINDS)}")
        for kind, digits in (("sha256", 64), ("md5", 32)):
            value = getattr(self, kind)
            if value is not None and not re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
                raise CorpusError(f"{self.name}: {kind} is not {digits} hexadecimal digits")
        for name in ("genre_from", "mood_from", "group_from"):
            _pattern(self.name, name, getattr(self, name))

    @property
    def remote(self) -> Remote:
        """The archive on the network."""
        return Remote(self.address, self.size, self.sha256, self.md5)

    def label(self, name: str) -> Label:
        """The label of the file that has this name in the archive.

        >>> entry = Entry("drums", "D", "d", "CC0-1.0", "https://example.org", (), by_hand="-",
        ...               genre_from=r"_(?P<genre>[a-z]+)_", genre_names={"hiphop": "hip-hop"})
        >>> entry.label("session1/7_hiphop_90.mid").genre
        'hip-hop'
        """
        genre, mood, group = self.genre, None, ""
        if found := self.genre_from and re.search(self.genre_from, name):
            genre = self.genre_names.get(found["genre"], found["genre"])
        if found := self.mood_from and re.search(self.mood_from, name):
            mood = self.moods.get(found["mood"])
        if found := self.group_from and re.search(self.group_from, name):
            group = found["group"]
        valence, arousal = mood or (None, None)
        genre = genre_name(re.sub(r"[^\w &'-]|^\W+", "", genre)) if genre else None
        return Label(genre, valence, arousal, self.title, self.licence, group=group)


def _pattern(entry: str, key: str, pattern: str) -> None:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise CorpusError(f"{entry}: {key} is no pattern ({error})") from None
    if pattern and key.removesuffix("_from") not in groups:
        raise CorpusError(f"{entry}: {key} has no group named {key.removesuffix('_from')}")


def catalogue_file() -> Path:
    """Where the catalogue lies: in an installed package beside this module, else in data/."""
    beside = Path(__file__).with_name(FILE)
    return beside if beside.is_file() else Path(__file__).parents[2] / "data" / FILE


def read_catalogue(file: Path | None = None) -> dict[str, Entry]:
    """The entries by name. Raises CorpusError for what is not a catalogue, with the place."""
    file = file or catalogue_file()
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CorpusError(f"{file}: the catalogue cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CorpusError(f"{file}: not TOML ({error})") from None
    entries: dict[str, Entry] = {}
    for table in tables.pop("collection", []):
        try:
            entry = _entry(table)
        except CorpusError as error:
            raise error.at(str(file)) from None
        if entry.name in entries:
            raise CorpusError(f"{file}: {entry.name} is listed twice")
        entries[entry.name] = entry
    if tables:
        raise CorpusError(f"{file}: {unknown('table', next(iter(tables)), ['collection'])}")
    return entries


def find_entry(name: str, entries: Mapping[str, Entry]) -> Entry:
    """The entry of that name; CorpusError with the nearest ones where there is none."""
    if name not in entries:
        raise CorpusError(unknown("collection", name, entries))
    return entries[name]


_LISTS = ("genres", "keep")


def _entry(table: Mapping[str, Any]) -> Entry:
    known = {place.name for place in fields(Entry)}
    values = dict(table)
    for key, value in table.items():
        if key not in known:
            raise CorpusError(f"{table.get('name', '?')}: {unknown('key', key, sorted(known))}")
        if key in _LISTS:
            values[key] = tuple(value)
        if key == "moods":
            values[key] = {mood: (float(v), float(a)) for mood, (v, a) in value.items()}
    try:
        return Entry(**values)
    except TypeError as error:
        raise CorpusError(f"{table.get('name', '?')}: {error}") from None
