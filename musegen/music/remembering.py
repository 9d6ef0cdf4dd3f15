"""What is worked out of a Score once and asked for often.

In: a function of a Score alone. Out: the same function, which remembers its result for the Score
that it was last asked about: a Score never changes, so neither does what follows. Knows no music.
"""

import weakref
from collections.abc import Callable
from functools import wraps
from typing import Protocol, TypeVar, cast

from musegen.music.score import Score

Result = TypeVar("Result")


class Remembering(Protocol[Result]):
    """A function of a Score that can be told its result by whoever knows it already."""

    tell: Callable[[Score, Result], None]
    known: Callable[[Score], Result | None]
    """What was told or worked out of the latest Score; None for any other."""

    def __call__(self, score: Score, /) -> Result:
        """The result for a Score."""


def remembered(function: Callable[[Score], Result]) -> Remembering[Result]:
    """The function's result, worked out once while one Score is looked at.

    Its arrays must be read-only or left as they are: everybody who asks has the same ones.
    """
    latest: list[tuple[weakref.ref[Score], Result]] = []

    @wraps(function)
    def ask(score: Score) -> Result:
        result = known(score)
        if result is None:
            result = function(score)
            tell(score, result)
        return result

    def known(score: Score) -> Result | None:
        for asked, result in latest:
            if asked() is score:
                return result
        return None

    def tell(score: Score, result: Result) -> None:
        latest[:] = [(weakref.ref(score), result)]

    answering = cast(Remembering[Result], ask)
    answering.tell = tell
    answering.known = known
    return answering
