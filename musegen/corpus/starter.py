"""A first collection out of music21's corpus, for someone who has no MIDI at all.

In: the package music21. Out: a folder of MIDI files by genre with a labels.csv. What is taken is
public domain and nothing else: the works are old enough everywhere, and the file that was typed
from them either says "public domain" or CC0, or makes no claim at all. docs/decisions/0004 has what
that leaves out, and why.
"""

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from musegen.corpus.guarded import Died, guarded_map
from musegen.corpus.labels import LABELS_FILE, Label, labels_csv
from musegen.corpus.notation import CHOIR, Manner, corpus_folder, read_notation
from musegen.corpus.obtain import ABOUT_FILE, check_place
from musegen.corpus.shards import LeftOut
from musegen.errors import CorpusError, MusegenError
from musegen.folders import whole_folder
from musegen.music.write import midi_bytes

PUBLIC_DOMAIN = "public domain"
FIDDLE, FLUTE, STRINGS = 110, 73, 48
LIMIT_S = 90.0

RESERVED, ODD, UNREADABLE, DIED = (
    "rights reserved in the file",
    "bars or repeats that do not add up",
    "cannot be read",
    "crashed the reader",
)


@dataclass(frozen=True)
class Shelf:
    """Files of music21's corpus that belong together, and how they are played.

    `at_most` pieces are taken, spread evenly. A `book` holds many tunes in one file. In a `dance`
    every bar has its full length and repeats are played; what is not so is left out.
    """

    genre: str
    files: str
    manner: Manner
    at_most: int = 1000
    without: str = "$^"
    book: bool = False
    dance: bool = False


SHELVES = (
    Shelf("baroque-chorale", "bach/*.mxl", Manner(CHOIR, 80), without="bwv846"),
    Shelf("classical", "beethoven/*/movement*.mxl", Manner(STRINGS, 100)),
    Shelf("classical", "haydn/*/movement*.mxl", Manner(STRINGS, 100)),
    Shelf("classical", "mozart/*/movement*.mxl", Manner(0, 100), without="exposition"),
    Shelf("classical", "schumann_robert/*/movement*.mxl", Manner(STRINGS, 100)),
    Shelf("renaissance", "monteverdi/madrigal.[34].*.mxl", Manner(CHOIR, 120), without="_old"),
    Shelf("renaissance", "lusitano/*.mxl", Manner(CHOIR, 120)),
    Shelf("folk", "ryansMammoth/*.abc", Manner(FIDDLE), at_most=200, dance=True),
    Shelf("folk", "oneills1850/*.abc", Manner(FLUTE), at_most=140, book=True, dance=True),
    Shelf("folk", "airdsAirs/*.abc", Manner(FIDDLE), at_most=80, book=True, dance=True),
)

DANCES = (
    ("slip", 38), ("jig", 54), ("slide", 54), ("reel", 48), ("hornpipe", 38), ("clog", 38),
    ("strathspey", 32), ("fling", 34), ("waltz", 46), ("march", 48), ("air", 22),
)  # fmt: skip
"""What a tune is called, and its bars a minute; the first that fits counts."""

USUAL_BARS_A_MINUTE = 42

CLAIM = re.compile(
    r"©|copyright|\(c\) *\d{4}|rights\b.{0,80}\breserved|non-?commercial|by permission|"
    r"licen[cs](?:e|ing) agreement",
    re.IGNORECASE,
)
FREE = re.compile(r"public domain|\bCC0\b", re.IGNORECASE)


@dataclass(frozen=True)
class Wanted:
    """A piece that may be taken: a file of the corpus, or the tune of that number in it."""

    file: str
    shelf: Shelf
    number: int | None = None

    @property
    def name(self) -> str:
        """What it is called here: "bach/bwv66.6" or "oneills1850/0007"."""
        place = Path(self.file)
        if self.number is not None:
            return f"{place.parts[0]}/{self.number:04d}"
        return place.with_suffix("").as_posix()

    @property
    def path(self) -> str:
        """Where its MIDI file goes."""
        return f"{self.shelf.genre}/{re.sub(r'[^A-Za-z0-9.]+', '-', self.name)}.mid"


@dataclass(frozen=True)
class Starter:
    """What was made: pieces by genre, and what was left out with the reason."""

    folder: Path
    genres: dict[str, int]
    left_out: tuple[LeftOut, ...]

    @property
    def pieces(self) -> int:
        """How many pieces there are."""
        return sum(self.genres.values())


def make_starter(
    into: str | Path,
    force: bool = False,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    shelves: Sequence[Shelf] = SHELVES,
) -> Starter:
    """The starter collection is at `into`, whole; what could not be taken is listed.

    Raises CorpusError where music21 is missing, and OutputError where `into` exists and `force` is
    not given.
    """
    check_place(into, force)
    corpus = corpus_folder()
    left_out: list[LeftOut] = []
    labels: dict[str, Label] = {}
    with whole_folder(into, force) as staging:
        wanted = list(_wanted(corpus, shelves, left_out))
        results = guarded_map(_Converter(corpus), wanted, workers, LIMIT_S, chunk=4)
        for done, (piece, result) in enumerate(zip(wanted, results, strict=True), 1):
            if isinstance(result, Died):
                result = LeftOut(piece.name, DIED, result.reason)
            if isinstance(result, LeftOut):
                left_out.append(result)
            else:
                place = staging / piece.path
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(result)
                source = f"music21 corpus: {Path(piece.file).parts[0]}"
                labels[piece.path] = Label(piece.shelf.genre, source=source, licence=PUBLIC_DOMAIN)
            if progress is not None:
                progress(done, len(wanted))
        if not labels:
            raise CorpusError("nothing in this copy of music21's corpus could be converted")
        (staging / LABELS_FILE).write_bytes(labels_csv(labels))
        (staging / ABOUT_FILE).write_text(ABOUT, encoding="utf-8")
    genres = Counter(label.genre or "" for label in labels.values())
    return Starter(Path(into), dict(genres), tuple(left_out))


def _wanted(corpus: Path, shelves: Sequence[Shelf], left_out: list[LeftOut]) -> Iterator[Wanted]:
    """What the shelves hold, less what reserves rights, spread evenly where it is too much."""
    for shelf in shelves:
        pieces: dict[str, Wanted] = {}
        for file in sorted(corpus.glob(shelf.files)):
            name = file.relative_to(corpus).as_posix()
            if re.search(shelf.without, name):
                continue
            try:
                text = _text(file)
            except (OSError, ValueError, zipfile.BadZipFile) as error:
                left_out.append(LeftOut(name, UNREADABLE, str(error)))
                continue
            claim = rights_claimed(text)
            if claim:
                left_out.append(LeftOut(name, RESERVED, claim))
                continue
            for number in _numbers(text) if shelf.book else (None,):
                manner = shelf.manner
                if shelf.dance:
                    manner = replace(manner, bars_a_minute=_bars_a_minute(text, name, number))
                piece = Wanted(name, replace(shelf, manner=manner), number)
                pieces.setdefault(piece.path, piece)
        yield from _evenly(list(pieces.values()), shelf.at_most)


def _evenly(pieces: Sequence[Wanted], at_most: int) -> Iterator[Wanted]:
    count = min(at_most, len(pieces))
    return (pieces[place * len(pieces) // count] for place in range(count))


def rights_claimed(text: str) -> str:
    """The first words in a file of notation that claim rights and do not give them away, or "".

    >>> rights_claimed("X:1\\n% Copyright 1999 A. Person"), rights_claimed("X:1\\n(c)BA")
    ('% Copyright 1999 A. Person', '')
    """
    for words in re.split(r"[\n<>]", text):
        if CLAIM.search(words) and not FREE.search(words):
            return " ".join(words.split())[:120]
    return ""


def _text(file: Path) -> str:
    """What a file of notation says; the score in it where it is compressed."""
    if file.suffix != ".mxl":
        return file.read_bytes().decode("utf-8", "replace")
    with zipfile.ZipFile(file) as archive:
        names = [n for n in archive.namelist() if not n.startswith("META-INF") and n[-3:] == "xml"]
        return "\n".join(archive.read(name).decode("utf-8", "replace") for name in names)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"^X: *(\d+)", text, re.MULTILINE)]


def _bars_a_minute(text: str, name: str, number: int | None) -> float:
    """How fast such a dance goes: by the kind that the tune says it is, else by its name."""
    tune = text if number is None else re.split(rf"^X: *0*{number}\b", text, flags=re.MULTILINE)[1]
    tune = re.split(r"^X:", tune, flags=re.MULTILINE)[0] if number is not None else tune
    kinds = re.findall(r"^R: *(.+)", tune, re.MULTILINE)
    said = " ".join([*kinds, *re.findall(r"^T: *(.+)", tune, re.MULTILINE), name]).lower()
    return next((bars for kind, bars in DANCES if kind in said), USUAL_BARS_A_MINUTE)


@dataclass(frozen=True)
class _Converter:
    """Makes a MIDI file of a piece; this is what the workers run."""

    corpus: Path

    def __call__(self, piece: Wanted) -> bytes | LeftOut:
        try:
            read = read_notation(self.corpus / piece.file, piece.shelf.manner, piece.number)
            steady = not read.irregular_bars and len(read.score.meters) == 1
            if piece.shelf.dance and not (steady and read.repeats_played):
                return LeftOut(
                    piece.name, ODD, "a dance has whole bars of one meter, and sound repeats"
                )
            return midi_bytes(read.score)
        except CorpusError as error:
            return LeftOut(piece.name, ODD, str(error))
        except MusegenError as error:
            return LeftOut(piece.name, UNREADABLE, str(error))
        except Exception as error:  # noqa: BLE001 - music21 raises whatever it meets
            return LeftOut(piece.name, UNREADABLE, f"{type(error).__name__}: {error}")


ABOUT = """# The starter collection

Made by `musegen data starter` from the corpus that the package music21 carries: chorales by Bach,
string quartets, madrigals, and dances from Ryan's Mammoth Collection (1883), O'Neill's Music of
Ireland (1903) and Aird's Airs (1782 and after). The works are in the public domain, and a file that
claims any rights in its encoding was not taken. labels.csv says for each piece where it is from.

Train on it: `python train.py data/starter --out checkpoints/mine --preset tiny`
"""
