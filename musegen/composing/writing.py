"""Drafts that are written side by side, row by row, with one cache of the model.

Drafts go in as room for them comes, and come out as they are finished. What a draft becomes does
not depend on those beside it.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

import numpy as np

from musegen.composing.draft import Draft
from musegen.composing.drawing import draw_row
from musegen.composing.guided import GuidedSteps
from musegen.model.paths import ComposingModel, Steps
from musegen.model.sampling import Sampling
from musegen.tokens.fields import SEEN_LINKS, as_rows

Watcher = Callable[[int, int, int | None], None]
"""Called with (piece, bars finished, bars in all where known) whenever a bar is finished."""


def counting(progress: Callable[[int, int], None], count: int) -> Watcher:
    """A watcher that says after each piece how many of `count` are finished."""
    finished = 0

    def watch(_: int, bars: int, in_all: int | None) -> None:
        nonlocal finished
        if bars == in_all:
            finished += 1
            progress(finished, count)

    return watch


_UNSEEN = [-1] * len(SEEN_LINKS)


def written(
    drafts: Iterator[Draft],
    slots: int,
    checkpoint: ComposingModel,
    sampling: Sampling,
    watch: Watcher | None = None,
) -> Iterator[Draft]:
    """Every draft, as soon as it is finished; at most so many `slots` of them advance together.

    The next draft is asked for where one is finished, not before.
    """
    writing = list(islice(drafts, slots))
    context = checkpoint.config.context
    stepper: Steps = checkpoint.stepper(len(writing))
    if sampling.guidance != 1:
        stepper = GuidedSteps(checkpoint, len(writing), sampling.guidance)
    for slot, draft in enumerate(writing):
        stepper.prefill(slot, *draft.view(context), draft.beside)
    while writing:
        taken = []
        for slot, draft in enumerate(writing):
            row = draw_row(partial(stepper.draw, slot), draft, sampling, stepper.weigh)
            bar = draft.grammar.bar
            taken.append(draft.take(row))
            if watch is not None and draft.grammar.bar != bar:
                watch(draft.number, max(bar + 1, 0), draft.grammar.bars_in_all)
        begun = set()
        for slot in reversed(range(len(writing))):
            done = writing[slot]
            if not done.grammar.finished:
                continue
            if watch is not None:
                watch(done.number, done.grammar.bar + 1, done.grammar.bar + 1)
            yield done
            coming = next(drafts, None)
            if coming is not None:
                begun.add(coming)
                writing[slot], taken[slot] = coming, (0, [*_UNSEEN])
                continue
            stepper.release(slot)
            writing[slot], taken[slot] = writing[-1], taken[-1]
            writing.pop()
            taken.pop()
        if writing:
            _advance(stepper, context, writing, taken, begun)


def _advance(
    stepper: Steps,
    context: int,
    writing: list[Draft],
    taken: list[tuple[int, list[int]]],
    begun: set[Draft],
) -> None:
    """Every slot holds its draft's newest row, which was taken at that time with those links.

    The slots of drafts that were just `begun` hold the rows with which they begin.
    """
    anew = [slot for slot, draft in enumerate(writing) if draft in begun or stepper.room(slot) == 0]
    for slot in anew:
        stepper.clear(slot)
    times, links = zip(*taken, strict=True)
    for slot in anew:  # it starts anew below; its links are of a window that is gone
        links[slot][:] = _UNSEEN
    rows = as_rows([draft.rows[-1] for draft in writing])
    stepper.step(rows, np.array(times), np.array(links))
    for slot in anew:  # what a piece sees must not depend on the pieces beside it: only these anew
        stepper.prefill(slot, *writing[slot].view(context), writing[slot].beside)
