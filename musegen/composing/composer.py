"""Composer: wishes in, pieces out.

Draws rows with the model, keeps them legal with the grammar, chooses with the sampler, and decodes
them into a Score. Each piece draws from its own stream of chance, so that the seed decides it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from musegen.composing.colour import Colour
from musegen.composing.crew import Order, composed, workers_for
from musegen.composing.draft import Draft
from musegen.composing.heed import Heed
from musegen.composing.precedents import Precedents
from musegen.composing.writing import Watcher, written
from musegen.errors import WishError
from musegen.model.loading import load_model
from musegen.model.paths import ComposingModel
from musegen.model.sampling import Sampling
from musegen.music.measure import measure
from musegen.music.ongrid import track_order
from musegen.music.score import Key, Marker, Score
from musegen.music.timing import bar_lines
from musegen.tokens.codec import decode, encode
from musegen.tokens.controls import Controls, TrackPlan
from musegen.tokens.feasible import bars_of
from musegen.tokens.fields import Rows, as_rows
from musegen.tokens.head import beside_levels, head_rows
from musegen.tokens.limits import Limits
from musegen.tokens.scales import MAX_BARS_WISH

MAX_BARS_UNASKED = 64
"""Where no number of bars is asked for, the model chooses one up to this."""

MAX_ROWS_PER_BAR = 256
"""A bar with so many notes and chords is closed; never more than a quarter of the context."""

PRECEDENT = 2
"""The purpose of the stream of chance that draws a piece's precedent."""

TOGETHER = 16
"""How many pieces are written side by side at most: each takes its own memory."""


@dataclass(frozen=True)
class Composition:
    """A composed piece: the Score to write, the plan that it followed, and its rows."""

    score: Score
    controls: Controls
    rows: Rows
    seed: int
    number: int


class Wanted(NamedTuple):
    """One of several pieces asked for at once: piece `number` of `compose` with this seed."""

    wishes: Controls
    seed: int = 0
    number: int = 0


class Composer:
    """Composes with one checkpoint."""

    def __init__(self, checkpoint: ComposingModel) -> None:
        self.checkpoint = checkpoint

    @classmethod
    def load(
        cls, folder: str | Path, device: str = "cpu", precision: str = "int8", much: bool = False
    ) -> "Composer":
        """A composer with the checkpoint in `folder`; CheckpointError where it cannot be used.

        On "cpu" no torch is needed, and weights are kept as "int8" or "float32"; other devices need
        it, and keep them as float32. much: many pieces are to come, as `load_model` has it.
        """
        return cls(load_model(folder, device, precision, much))

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres that can be asked for."""
        return self.checkpoint.genres

    def compose(
        self,
        controls: Controls | None = None,
        sampling: Sampling | None = None,
        seed: int = 0,
        count: int = 1,
        watch: Watcher | None = None,
        alone: bool = False,
        workers: int | None = None,
    ) -> list[Composition]:
        """`count` pieces that keep the hard wishes exactly and were drawn with the soft ones.

        What is not wished for is laid out as in a piece that was learned from (`precedents`), where
        the checkpoint has any; with `alone` the model lays out all of it.

        workers: how many processes compose, which changes no piece; None for one for each core
        where a process can be forked. Elsewhere, where more than one is asked for, a script must
        begin its work under `if __name__ == "__main__"`.

        Raises LabelError for a genre that the checkpoint does not know and WishError for wishes
        that contradict each other.
        """
        if count < 1:
            raise WishError(f"count {count} is too small: at least one piece")
        order = self._commission(controls or Controls(), sampling or Sampling(), seed, alone)
        return self._composed(order, count, watch, workers)

    def compose_each(
        self,
        asked: Sequence[Wanted],
        sampling: Sampling | None = None,
        watch: Watcher | None = None,
        workers: int | None = None,
    ) -> list[Composition]:
        """A piece for each that is asked for, in their order, whose wishes may all be others.

        Each is the piece that `compose` gives, and all of them take less time than one after
        another. For `watch` they are numbered as they are asked for. Raises what `compose` raises,
        before anything is composed.
        """
        sampling = sampling or Sampling()
        orders = [self._commission(one.wishes, sampling, one.seed) for one in asked]
        numbers = [one.number for one in asked]
        return self._composed(
            Commissions(self.checkpoint, sampling, orders, numbers), len(asked), watch, workers
        )

    def _commission(
        self, controls: Controls, sampling: Sampling, seed: int, alone: bool = False
    ) -> "Commission":
        if seed < 0:
            raise WishError(f"seed {seed} is negative; any whole number from 0 on will do")
        beside = beside_levels(controls)
        wishes = told(controls.on_grid())
        limits = replace(
            Limits.of(wishes),
            max_bars=MAX_BARS_UNASKED,
            steady=True,
            all_sound=False,
            max_rows_per_bar=min(MAX_ROWS_PER_BAR, self.checkpoint.config.context // 4),
        )
        head_rows(wishes, self.genres)  # an unknown genre is refused
        return Commission(
            self.checkpoint, wishes, limits, beside, sampling, seed,
            None if alone else self.precedents,
        )  # fmt: skip

    def _composed(
        self, order: Order[Composition], count: int, watch: Watcher | None, workers: int | None
    ) -> list[Composition]:
        many = workers_for(workers, self.checkpoint, count)
        if many > 1:
            return composed(order, count, many, TOGETHER, watch)
        found: dict[int, Composition] = {}
        for first in range(0, count, TOGETHER):
            drafts = map(order.begun, range(first, min(first + TOGETHER, count)))
            for draft in written(drafts, TOGETHER, self.checkpoint, order.sampling, watch):
                found[draft.number] = order.finished(draft)
        return [found[number] for number in range(count)]

    @cached_property
    def precedents(self) -> Precedents:
        """How pieces that the checkpoint learned from are laid out."""
        return Precedents.of(self.checkpoint.precedents, self.genres)


@dataclass(frozen=True, eq=False)
class Commission:
    """What is to be composed: the wishes as they are told, and all else that decides a piece."""

    checkpoint: ComposingModel
    wishes: Controls
    limits: Limits
    beside: NDArray[np.float32]
    sampling: Sampling
    seed: int
    precedents: Precedents | None

    def begun(self, number: int) -> Draft:
        """A draft that holds its wishes."""
        wishes, limits = self.wishes, self.limits
        if self.precedents is not None:
            stream = chance(self.seed, number, PRECEDENT)
            wishes, limits = self.precedents.limits(wishes, limits, stream)
        # Where a mood is wished and no key, the mood may lead out of a precedent's.
        valence, moods = self.wishes.valence, [one.valence for one in self.wishes.sections]
        moody = any(mood is not None for mood in (valence, *moods))
        colour = Colour(valence, moods, self.wishes.key if moody else wishes.key)
        head = head_rows(_as_shown(wishes), self.checkpoint.genres)
        stream = chance(self.seed, number)
        return Draft(number, limits, head, stream, self.beside, colour, Heed(self.wishes))

    def finished(self, draft: Draft) -> Composition:
        """The piece that the draft became."""
        genres = self.checkpoint.genres
        score, plan = in_order(*decode(as_rows(draft.rows), genres))
        plan = replace(plan, bars=self.wishes.bars)
        rows = encode(score, plan, genres)
        return Composition(furnished(score, plan), plan, rows, self.seed, draft.number)


@dataclass(frozen=True, eq=False)
class Commissions:
    """Several that are composed together; piece `numbers[n]` of each stands at place n."""

    checkpoint: ComposingModel
    sampling: Sampling
    each: Sequence[Commission]
    numbers: Sequence[int]

    def begun(self, number: int) -> Draft:
        """The draft at a place, which is its number as long as it is written."""
        draft = self.each[number].begun(self.numbers[number])
        draft.number = number
        return draft

    def finished(self, draft: Draft) -> Composition:
        """The piece that the draft became, with its own number."""
        piece = self.each[draft.number].finished(draft)
        return replace(piece, number=self.numbers[draft.number])


def told(wishes: Controls) -> Controls:
    """The wishes with what the asked-for instruments imply: how many tracks, and whether drums.

    What is wished of these stays, so that a contradiction is found. Where every section says its
    instruments and nothing else does, those are the instruments of the piece.
    """
    named = [section.instruments for section in wishes.sections if section.repeat != "exact"]
    if not wishes.tracks and named and all(named):
        heard = sorted({one for instruments in named for one in instruments})
        wishes = replace(wishes, tracks=tuple(TrackPlan(*one) for one in heard))
    wishes = replace(wishes, bars=bars_of(wishes))
    if not wishes.tracks:
        return wishes
    count, drums = wishes.track_count, wishes.drums
    return replace(
        wishes,
        track_count=len(wishes.tracks) if count is None else count,
        drums=any(track.is_drum for track in wishes.tracks) if drums is None else drums,
    )


def _as_shown(wishes: Controls) -> Controls:
    """The wishes as the model sees them: of a loop, two rounds, so that it writes no ending."""
    if not wishes.loop or wishes.bars is None:
        return wishes
    return replace(wishes, bars=min(2 * wishes.bars, MAX_BARS_WISH))


def in_order(score: Score, plan: Controls) -> tuple[Score, Controls]:
    """The Score on the grid, its tracks in the grid's order, and its plan with them.

    Of tracks with one instrument the higher comes first, which is not known before they are drawn.
    A track that the model planned and never used is left out.
    """
    pairs = zip(score.tracks, plan.tracks, strict=True)
    ordered = sorted((p for p in pairs if len(p[0])), key=lambda pair: track_order(pair[0]))
    tracks = tuple(track for track, _ in ordered)
    return score.with_tracks(tracks), replace(plan, tracks=tuple(told for _, told in ordered))


def furnished(score: Score, plan: Controls) -> Score:
    """The Score with what belongs into a file: its key, and a marker where each section begins.

    The key is the one wished for, or else the one found in the notes.
    """
    lines = bar_lines(score)
    found = measure(score).key
    key = plan.key or (None if found is None else found.name)
    keys = () if key is None else (Key(0, *key),)
    markers = tuple(Marker(int(lines[s.bar]), s.letter) for s in plan.sections if s.letter)
    return replace(score, keys=keys, markers=markers)


def chance(seed: int, number: int, *purpose: int) -> np.random.Generator:
    """The stream of chance of piece `number` of a run, for its notes or for another purpose."""
    return np.random.default_rng([seed, number, *purpose])
