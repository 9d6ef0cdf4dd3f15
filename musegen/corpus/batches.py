"""Batches for training and judging: a step number becomes padded rows, their times, what is scored.

In: a collection of rows and settings. Out: numpy arrays that depend on nothing but seed and step,
so that a run goes on where it stopped without any state. Knows no file format and no torch.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from musegen.corpus import augment as augmenting
from musegen.corpus.augment import Augment
from musegen.corpus.collection import Collection
from musegen.corpus.holes import hide, rewritable, without_hidden_plan
from musegen.corpus.links import LINKS, Links, row_links
from musegen.corpus.windows import Window, cut, outline, row_times, scored_rows, start_bar
from musegen.errors import CorpusError, SettingError
from musegen.tokens import fields, scales
from musegen.tokens.fields import Rows

_EVENED = 0.98  # a group holds a little less than its steps have room for: padding takes the rest


@dataclass(frozen=True)
class BatchSettings:
    """How examples are chosen and put together.

    `max_rows` is the longest example, `rows_per_step` about how many rows a batch holds with its
    padding. Examples for `steps_per_group` steps are drawn together and sorted by length; a batch
    is as wide as its longest example, rounded up to a multiple of `width_multiple`.

    A piece is drawn with weight min(rows, `row_cap`) ** `length_power`
    * (pieces of its genre) ** `genre_power` * `source_weights`.get(source, 1).

    A window begins at the piece's start with probability `start`, is the last of the piece with
    `ending`, and otherwise begins at any bar after which the window can be filled to `fullness`.
    With probability `masked` it is a rewrite (some cells hidden and asked for at the end), and then
    with `hidden_plan` nothing is said of the plan of the hidden bars.
    """

    max_rows: int = 2048
    rows_per_step: int = 16_384
    steps_per_group: int = 16
    width_multiple: int = 8
    row_cap: int = 4096
    length_power: float = 0.5
    genre_power: float = -0.3
    source_weights: Mapping[str, float] = field(default_factory=dict)
    start: float = 0.35
    ending: float = 0.1
    fullness: float = 0.75
    masked: float = 0.25
    hidden_plan: float = 0.5
    augment: Augment = field(default_factory=Augment)

    def __post_init__(self) -> None:
        least = 4 * scales.MAX_TRACKS
        if self.max_rows < least:
            raise SettingError(f"max_rows is {self.max_rows}: it must be at least {least}")
        if self.rows_per_step < self.max_rows:
            raise SettingError(
                f"rows_per_step is {self.rows_per_step}: it must be at least max_rows, "
                f"which is {self.max_rows}"
            )
        if self.steps_per_group < 1 or self.width_multiple < 1 or self.row_cap < 1:
            raise SettingError("steps_per_group, width_multiple and row_cap must be at least 1")
        for name in ("start", "ending", "fullness", "masked", "hidden_plan"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingError(f"{name} is {getattr(self, name)}: it must be from 0 to 1")
        if self.start + self.ending > 1:
            raise SettingError("start and ending together must not be more than 1")
        for source, factor in self.source_weights.items():
            if factor < 0:
                raise SettingError(f"the weight of source {source!r} is {factor}: negative")


@dataclass(frozen=True, eq=False)
class Batch:
    """Examples side by side, padded with PAD rows at the end."""

    rows: Rows  # (B, T, COLUMNS)
    times: NDArray[np.int32]  # (B, T): steps from the first bar line of the window
    links: Links  # (B, T, LINKS): rows of the window that a row points back to, or -1
    scored: NDArray[np.bool_]  # (B, T): rows on which loss is taken
    lengths: NDArray[np.int64]  # (B,): rows before the padding
    pieces: NDArray[np.int64]  # (B,): numbers of the pieces in the collection

    @property
    def padding(self) -> float:
        """Share of the rows that are padding."""
        return 1 - float(self.lengths.sum()) / max(self.rows[..., 0].size, 1)


class Batches:
    """Batches of a collection, as a pure function of seed, stream and step.

    Processes that train together take different `stream` numbers and the same seed.
    """

    def __init__(
        self,
        collection: Collection,
        settings: BatchSettings,
        seed: int,
        stream: int = 0,
    ) -> None:
        self.collection = collection
        self.settings = settings
        self._seed = (seed, stream)
        self._training = collection.training
        weights = piece_weights(collection, settings)[self._training]
        if not weights.sum() > 0:
            raise CorpusError(
                "there is no piece to train on: every piece is held out or has weight 0"
            )
        self._shares = np.cumsum(weights / weights.sum())
        self._group: tuple[int, list[Batch]] = (-1, [])  # kept for speed; says nothing new

    def batch(self, step: int) -> Batch:
        """The batch of this step."""
        group, place = divmod(step, self.settings.steps_per_group)
        if self._group[0] != group:
            self._group = (group, self.group(group))
        return self._group[1][place]

    def group(self, group: int) -> list[Batch]:
        """The batches of `steps_per_group` steps, from step `group * steps_per_group` on."""
        settings = self.settings
        rng = np.random.default_rng([*self._seed, group])
        room = int(_EVENED * settings.rows_per_step * settings.steps_per_group)
        drawn: list[tuple[int, Window]] = []
        while room > 0 or len(drawn) < settings.steps_per_group:
            share = int(np.searchsorted(self._shares, rng.random(), side="right"))
            piece = int(self._training[min(share, len(self._training) - 1)])
            window = example(self.collection.rows(piece), settings, rng)
            drawn.append((piece, window))
            room -= len(window)
        lengths = [len(window) for _, window in drawn]
        order = np.argsort(lengths, kind="stable")[::-1]
        deals = deal([lengths[i] for i in order], settings.steps_per_group, settings.width_multiple)
        batches = [
            pad([drawn[order[i]] for i in places], settings.width_multiple) for places in deals
        ]
        return [batches[i] for i in rng.permutation(len(batches))]


def piece_weights(collection: Collection, settings: BatchSettings) -> NDArray[np.float64]:
    """How often each piece is drawn, relative to the others. Held-out pieces count for nothing."""
    training = ~collection.held_out
    count = np.bincount(collection.genre[training], minlength=fields.MAX_GENRES + 1)
    length = np.minimum(collection.count, settings.row_cap).astype(np.float64)
    source = np.array([settings.source_weights.get(name, 1.0) for name in collection.source])
    genre = np.maximum(count, 1).astype(np.float64)[collection.genre]
    weights = length**settings.length_power * genre**settings.genre_power * source
    return np.asarray(weights * training)


def example(piece: Rows, settings: BatchSettings, rng: np.random.Generator) -> Window:
    """One training example of a piece, augmented and with some wishes unsaid.

    It is a window, or with probability `settings.masked` a rewrite.
    """
    augment = settings.augment
    if rng.random() < augment.drop_tracks:
        piece = augmenting.without_tracks(piece, rng)
    if rng.random() < augment.drop_chords:
        piece = augmenting.without_chords(piece)
    plan = outline(piece)
    bar = start_bar(
        plan, settings.max_rows, settings.start, settings.ending, settings.fullness, rng
    )
    rewrite = None
    if rng.random() < settings.masked:
        rewrite = rewritable(piece, plan, bar, settings.max_rows, rng)
    rows, given = cut(piece, plan, bar, settings.max_rows) if rewrite is None else (rewrite[0], 0)
    rows = augmenting.changed(rows, piece, augment, rng)
    rows = augmenting.with_fewer_wishes(rows, augment, rng)
    if rewrite is None:
        return Window(rows, row_times(rows), scored_rows(rows, given))
    if rng.random() < settings.hidden_plan:
        rows = without_hidden_plan(rows, rewrite[1])
    return hide(rows, rewrite[1])


def deal(lengths: Sequence[int], batches: int, multiple: int = 1) -> list[range]:
    """Examples of descending length dealt into `batches` runs of about equal padded size.

    Each run is as small as it can be while the rest still fits into runs no larger.

    >>> deal([8, 8, 4, 4, 4, 4], 2)
    [range(0, 2), range(2, 6)]
    """
    widths = [-(-length // multiple) * multiple for length in lengths]
    runs: list[range] = []
    first = 0
    for batches_left in range(batches, 0, -1):
        low, high = widths[first], widths[first] * len(widths)
        while low < high:
            size = (low + high) // 2
            if _runs_needed(widths, first, size) <= batches_left:
                high = size
            else:
                low = size + 1
        runs.append(range(first, first + low // widths[first]))
        first = runs[-1].stop
    return runs


def _runs_needed(widths: Sequence[int], first: int, size: int) -> int:
    needed = 0
    while first < len(widths):
        first += max(size // widths[first], 1)
        needed += 1
    return needed


def pad(examples: Sequence[tuple[int, Window]], multiple: int = 1) -> Batch:
    """Examples, each with the number of its piece, as one batch padded to the longest."""
    lengths = np.array([len(window) for _, window in examples], dtype=np.int64)
    width = -(-int(lengths.max()) // multiple) * multiple
    shape = (len(examples), width)
    rows = np.zeros((*shape, fields.COLUMNS), dtype=np.int16)  # (B, T, COLUMNS); 0 is PAD
    times = np.zeros(shape, dtype=np.int32)
    links = np.full((*shape, LINKS), -1, dtype=np.int32)
    scored = np.zeros(shape, dtype=bool)
    for place, (_, window) in enumerate(examples):
        rows[place, : len(window)] = window.rows
        times[place, : len(window)] = window.times
        links[place, : len(window)] = row_links(window.rows)
        scored[place, : len(window)] = window.scored
    pieces = np.array([piece for piece, _ in examples], dtype=np.int64)
    return Batch(rows, times, links, scored, lengths, pieces)


def held_out_windows(
    collection: Collection,
    max_rows: int,
    rows_per_step: int,
    pieces: Sequence[int] | None = None,
    unset_head: bool = False,
) -> Iterator[Batch]:
    """The first `max_rows` rows of each held-out piece, unchanged, longest first.

    Always the same batches. `pieces` takes others than all held-out ones; `unset_head` leaves
    every wish of HEAD unsaid.
    """
    chosen = collection.judging.tolist() if pieces is None else list(pieces)
    chosen.sort(key=lambda piece: (-min(int(collection.count[piece]), max_rows), piece))
    first = 0
    while first < len(chosen):
        width = min(int(collection.count[chosen[first]]), max_rows)
        stop = first + max(rows_per_step // width, 1)
        examples = []
        for piece in chosen[first:stop]:
            rows = collection.rows(piece)[:max_rows]
            rows = augmenting.without_head(rows) if unset_head else rows
            examples.append((piece, Window(rows, row_times(rows), scored_rows(rows))))
        first = stop
        yield pad(examples)
