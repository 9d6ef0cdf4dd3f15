"""The sets of pieces that are compared: real ones, composed ones, and floors.

In: a prepared collection, or a composer. Out: pieces of one number of bars as matrices of features,
each piece with its genre and a number that tells which pieces are of one origin.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.composing.composer import TOGETHER, Composer, Wanted
from musegen.composing.writing import counting
from musegen.corpus.collection import Collection
from musegen.errors import CorpusError
from musegen.evaluation.statistics import FEATURES, LEAST_BARS, features
from musegen.model.sampling import Sampling
from musegen.music.score import Score
from musegen.music.timing import bar_lines
from musegen.music.transform import trim
from musegen.tokens.codec import decode
from musegen.tokens.controls import Controls

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Excerpt:
    """A piece of at most so many bars. `whole` is the piece that it was cut from."""

    score: Score
    genre: str | None
    origin: int
    whole: Score

    @property
    def bars(self) -> int:
        """How many bars it has."""
        return len(bar_lines(self.score)) - 1


@dataclass(frozen=True, eq=False)
class Set:
    """Pieces to compare, and their features (pieces, features)."""

    pieces: tuple[Excerpt, ...]
    rows: Floats

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def origins(self) -> Ints:
        """Equal for pieces of one origin: (pieces,)."""
        return np.array([piece.origin for piece in self.pieces], dtype=np.int64)

    @property
    def genres(self) -> NDArray[np.str_]:
        """The genre of each piece, "" where it has none: (pieces,)."""
        return np.array([piece.genre or "" for piece in self.pieces], dtype=np.str_)


def as_set(pieces: Sequence[Excerpt]) -> Set:
    """The pieces with their features."""
    rows = [features(piece.score) for piece in pieces]
    return Set(tuple(pieces), np.array(rows, dtype=np.float64).reshape(-1, len(FEATURES)))


def _cut(collection: Collection, genres: Sequence[str], number: int, bars: int) -> Excerpt | None:
    """The first bars of a real piece; None where it is too short, or silent there."""
    whole, told = decode(collection.rows(number), genres)
    length = len(bar_lines(whole)) - 1
    if length < LEAST_BARS:
        return None
    score = trim(whole, 0, bars) if length > bars else whole
    return Excerpt(score, told.genre, number, whole) if score.note_count else None


def held_out(collection: Collection, genres: Sequence[str], bars: int) -> list[Excerpt]:
    """The held-out pieces, cut to their first `bars` bars; CorpusError where there are too few."""
    cuts = (_cut(collection, genres, number, bars) for number in collection.judging.tolist())
    found = [cut for cut in cuts if cut is not None]
    if len(found) < 2:
        raise CorpusError(
            f"{len(found)} held-out pieces have {LEAST_BARS} bars or more: too few to compare with"
        )
    return found


def others(
    collection: Collection, genres: Sequence[str], like: Sequence[Excerpt], bars: int, seed: int
) -> list[Excerpt]:
    """Real pieces that are not held out, one for each of `like` and of its genre, at random.

    Each is taken once; where a genre has too few, there are fewer.
    """
    chance = np.random.default_rng([seed, 1])
    found: list[Excerpt] = []
    training = collection.training
    names = [piece.genre for piece in like]
    for genre in dict.fromkeys(names):
        number = 0 if genre is None else 1 + list(genres).index(genre)
        order = chance.permutation(training[collection.genre[training] == number]).tolist()
        cuts = (_cut(collection, genres, piece, bars) for piece in order)
        wanted = names.count(genre)
        for cut in cuts:
            if not wanted:
                break
            if cut is not None:
                found.append(cut)
                wanted -= 1
    return found


def changed(
    pieces: Sequence[Excerpt],
    change: Callable[[Score, np.random.Generator], Score],
    seed: int,
) -> list[Excerpt]:
    """The pieces, each changed with its own stream of chance."""
    return [
        Excerpt(
            change(piece.score, np.random.default_rng([seed, piece.origin])),
            piece.genre,
            piece.origin,
            piece.whole,
        )
        for piece in pieces
    ]


def asked(like: Sequence[Excerpt], count: int) -> Iterator[tuple[str | None, int, int]]:
    """Genre and bars of `count` compositions after those of `like`, and how many of each.

    All of `like` are followed equally often, as far as `count` allows.
    """
    places = np.linspace(0, len(like), count, endpoint=False).astype(int)
    wanted: dict[tuple[str | None, int], int] = {}
    for place in places.tolist():
        key = like[place].genre, like[place].bars
        wanted[key] = wanted.get(key, 0) + 1
    for (genre, bars), number in wanted.items():
        yield genre, bars, number


def composed(
    composer: Composer,
    like: Sequence[Excerpt],
    count: int,
    seed: int,
    sampling: Sampling | None = None,
    progress: Progress | None = None,
) -> list[Excerpt]:
    """`count` compositions asked for by the genres and lengths of `like`, and by nothing else."""
    wanted = [
        Wanted(Controls(genre=genre, bars=bars), seed + 1000 * place + first, number - first)
        for place, (genre, bars, numbers) in enumerate(asked(like, count))
        for number in range(numbers)
        for first in [number - number % TOGETHER]
    ]
    watch = None if progress is None else counting(progress, count)
    pieces = zip(wanted, composer.compose_each(wanted, sampling, watch), strict=True)
    return [
        Excerpt(piece.score, one.wishes.genre, -1 - place, piece.score)
        for place, (one, piece) in enumerate(pieces)
    ]
