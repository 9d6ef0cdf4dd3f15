"""Which pieces are trained on and which are held out to judge with.

In: for each piece what its notes hash to, the group it is said to belong to, and the side it is
said to be on. Out: a side for each. Depends on no order and no chance. Knows no file and no row.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from musegen.corpus.labels import HELD_OUT, TRAIN

ENOUGH_TO_JUDGE = 10
"""From so many pieces on, at least one is held out."""

ENOUGH_HELD_OUT = 3
"""So many are held out, where the share asks for as many and chance has chosen fewer."""

LARGEST_SHARE = 0.25
"""A family that is a larger part of the collection is never held out by chance."""


@dataclass(frozen=True, slots=True)
class Member:
    """One piece as splitting sees it. `identity` is the hash of its notes, "" group is none."""

    identity: str
    group: str = ""
    split: str | None = None


def assign_splits(
    members: Sequence[Member], ties: Iterable[tuple[str, str]], share: float
) -> list[str]:
    """A side for each piece: about `share` of the families are held out.

    A family is what is tied together: pieces of one group, pieces of equal identity, and the pairs
    of names (identities or groups) in `ties`. It lies on one side as a whole, chosen by the hash
    of its members. A piece whose label names a side is on that side; the rest of its family then
    follows it, and is held out where the family's labels name both sides.
    """
    families = _Families()
    for member in members:
        if member.group:
            families.join(*group_tie(member.identity, member.group))
    for one, other in ties:
        families.join(one, other)
    names = [families.head(f"notes {member.identity}") for member in members]
    said: dict[str, set[str]] = {}
    for name, member in zip(names, members, strict=True):
        if member.split is not None:
            said.setdefault(name, set()).add(member.split)
    sizes = Counter(names)
    most = max(LARGEST_SHARE * len(members), 1)
    held = {name for name, size in sizes.items() if size <= most and _draw(name) < share}
    held -= {name for name, sides in said.items() if sides == {TRAIN}}
    held |= {name for name, sides in said.items() if HELD_OUT in sides}
    if share > 0 and len(members) >= ENOUGH_TO_JUDGE:
        wanted = min(max(round(share * len(members)), 1), ENOUGH_HELD_OUT)
        small = [name for name, size in sizes.items() if name not in said and size <= most]
        for name in sorted(set(small) - held, key=_draw):
            if sum(sizes[one] for one in held) >= wanted:
                break
            held.add(name)
    return [
        member.split or (HELD_OUT if name in held else TRAIN)
        for name, member in zip(names, members, strict=True)
    ]


def group_tie(identity: str, group: str) -> tuple[str, str]:
    """The tie that says: a piece with these notes belongs to this group, though it is left out."""
    return f"notes {identity}", f"group {group}"


def kin_tie(identity: str, other: str) -> tuple[str, str]:
    """The tie that says: the pieces with these notes are versions of one melody or piece."""
    return f"notes {identity}", f"notes {other}"


def _draw(name: str) -> float:
    """A number from 0 to 1 that depends on the name alone."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


class _Families:
    """Names that are tied together, each family led by its first name in alphabetical order."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def head(self, name: str) -> str:
        """The first name of the family of `name`."""
        path = []
        while (above := self._above.get(name, name)) != name:
            path.append(name)
            name = above
        for passed in path:
            self._above[passed] = name
        return name

    def join(self, one: str, other: str) -> None:
        """Both names are of one family."""
        first, second = sorted((self.head(one), self.head(other)))
        self._above[second] = first
