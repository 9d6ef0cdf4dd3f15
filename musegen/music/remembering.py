"""What is worked out of a Score once and asked for often.

In: a function of a Score alone. Out: the same function, which remembers its result for the Score
that it was last asked about: a Score never changes, so neither does what follows. Knows no music.
"""

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from musegen.music.score import Score

Result = TypeVar("Result")


def remembered(function: Callable[[Score], Result]) -> Callable[[Score], Result]:
    """The function's result, worked out once while one Score is looked at.

    Its arrays must be read-only or left as they are: everybody who asks has the same ones.
    """
    latest: list[tuple[weakref.ref[Score], Result]] = []

    @wraps(function)
    def ask(score: Score) -> Result:
        for asked, result in latest:
            if asked() is score:
                return result
        result = function(score)
        latest[:] = [(weakref.ref(score), result)]
        return result

    return ask
