"""Which pieces are held out."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.corpus.labels import HELD_OUT, TRAIN
from musegen.corpus.splits import Member, assign_splits, group_tie

members = st.lists(
    st.builds(
        Member,
        identity=st.uuids().map(lambda u: u.hex),
        group=st.sampled_from(["", "", "a", "b", "c"]),
        split=st.sampled_from([None, None, None, TRAIN, HELD_OUT]),
    ),
    max_size=30,
    unique_by=lambda member: member.identity,
)


def many(count: int) -> list[Member]:
    """Pieces that have nothing to do with each other."""
    return [Member(f"{i:032x}") for i in range(count)]


def test_about_the_share_asked_for_is_held_out() -> None:
    """Of 4,000 pieces about three in a hundred are held out, of none asked for none."""
    splits = assign_splits(many(4000), [], 0.03)
    assert 80 < splits.count(HELD_OUT) < 160
    assert HELD_OUT not in assign_splits(many(4000), [], 0.0)


def test_large_families_are_held_out_no_more_often_than_small_ones() -> None:
    """The draw is one for the family, not one for each member."""
    grouped = [Member(f"{i:032x}", f"tune {i // 8}") for i in range(8000)]
    assert 0.01 < assign_splits(grouped, [], 0.03).count(HELD_OUT) / 8000 < 0.06


@given(members, st.randoms(use_true_random=False))
def test_order_does_not_matter(pieces: list[Member], chance: random.Random) -> None:
    """The same pieces in another order lie on the same sides."""
    sides = dict(zip(pieces, assign_splits(pieces, [], 0.3), strict=True))
    shuffled = list(pieces)
    chance.shuffle(shuffled)
    assert dict(zip(shuffled, assign_splits(shuffled, [], 0.3), strict=True)) == sides


@given(members)
def test_a_label_decides_and_its_group_follows(pieces: list[Member]) -> None:
    """Said sides are kept; an unsaid piece is never on another side than what its group says."""
    sides = assign_splits(pieces, [], 0.3)
    for member, side in zip(pieces, sides, strict=True):
        if member.split is not None:
            assert side == member.split
        elif member.group:
            said = {m.split for m in pieces if m.group == member.group and m.split}
            if said:
                assert side == (HELD_OUT if HELD_OUT in said else TRAIN)
    for group in "abc":
        unsaid = {
            side
            for member, side in zip(pieces, sides, strict=True)
            if member.group == group and member.split is None
        }
        assert len(unsaid) <= 1


def test_a_duplicate_that_was_left_out_ties_two_groups() -> None:
    """One file of group b was a duplicate of one of group a: both groups lie on one side."""
    for seed in range(200):
        pieces = [Member(f"{seed}-1", f"a{seed}"), Member(f"{seed}-2", f"b{seed}")]
        sides = assign_splits(pieces, [group_tie(f"{seed}-1", f"b{seed}")], 0.5)
        assert len(set(sides)) == 1


def test_ten_pieces_leave_at_least_one_to_judge_with() -> None:
    """However small the share, ten pieces hold one back and nine do not."""
    for seed in range(20):
        ten = [Member(f"{seed}-{i}") for i in range(10)]
        assert HELD_OUT in assign_splits(ten, [], 1e-9)
        assert HELD_OUT not in assign_splits(ten[:9], [], 1e-9)


def test_what_a_label_keeps_for_training_is_never_held_out_for_want_of_others() -> None:
    """Ten pieces that all say train are all trained on; so is one large family."""
    said = [Member(str(i), split=TRAIN) for i in range(10)]
    assert set(assign_splits(said, [], 0.03)) == {TRAIN}
    pairs = [Member(str(i), f"pair {i // 2}", TRAIN if i % 2 else None) for i in range(12)]
    assert set(assign_splits(pairs, [], 1e-9)) == {TRAIN}
    family = [Member(str(i), "one") for i in range(10)]
    assert len(set(assign_splits(family, [], 1e-9))) == 1


def test_most_of_a_collection_is_never_held_out_by_chance() -> None:
    """A family that is a third of all pieces is trained on, unless its label says otherwise."""
    for seed in range(100):
        crowd = [Member(f"{seed}-{i}", f"crowd {seed}") for i in range(10)]
        others = [Member(f"{seed}-other-{i}") for i in range(20)]
        assert HELD_OUT not in assign_splits([*crowd, *others], [], 0.5)[:10]
    said = [Member("said", f"crowd {seed}", HELD_OUT)]
    assert assign_splits([*crowd, *others, *said], [], 0.5).count(HELD_OUT) >= 11


@pytest.mark.parametrize(("count", "share", "least"), [(19, 0.15, 3), (12, 0.15, 2), (40, 0.03, 1)])
def test_a_small_collection_has_enough_to_judge_with(count: int, share: float, least: int) -> None:
    """Where chance holds out fewer than the share asks for, more follow: up to three."""
    held_out = [
        assign_splits([Member(f"{tries} {number}") for number in range(count)], [], share)
        .count(HELD_OUT)
        for tries in range(30)
    ]  # fmt: skip
    assert min(held_out) == least
