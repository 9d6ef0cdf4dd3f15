"""Composing row by row gives the same states as reading the whole piece at once."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.corpus.links import row_links
from musegen.errors import SettingError
from musegen.model.decode import RowDraw, Stepper
from musegen.model.loss import row_loss
from musegen.tokens.fields import BAR, CHORD, KINDS, LINK_PLACE, NOTE, SEEN_LINKS, TRACK
from tests.corpus.pieces import made_piece
from tests.model.tiny import as_tensors, tiny_model

PIECES = [made_piece(seed, bars=8)[:110] for seed in range(4)]
MODEL = tiny_model()


@torch.no_grad()
def whole(piece: np.ndarray) -> torch.Tensor:
    """States (T, width) of a piece that is read at once."""
    states: torch.Tensor = MODEL(MODEL.embedding.full(), *as_tensors(piece))[0][0]
    return states


def first(piece: np.ndarray, count: int) -> tuple[torch.Tensor, ...]:
    """The first rows of a piece, their times and links."""
    rows, times, links = as_tensors(piece)
    return rows[0, :count], times[0, :count], links[0, :count, : len(SEEN_LINKS)]


EXPECTED = [whole(piece) for piece in PIECES]


class Play:
    """Pieces of different lengths that are stepped together, beside the truth."""

    def __init__(self, firsts: list[int]) -> None:
        self.stepper = Stepper(MODEL, len(firsts))
        self.pieces = [*range(len(firsts))]
        self.rows = list(firsts)
        for slot, first in enumerate(firsts):
            self.prefill(slot, first)

    def prefill(self, slot: int, count: int) -> None:
        """Start a slot with so many rows of its piece."""
        state = self.stepper.prefill(slot, *first(PIECES[self.pieces[slot]], count))
        self.rows[slot] = count
        self.same(slot, state)

    def step(self) -> None:
        """One more row for every slot."""
        ends = [first(PIECES[p], n + 1) for p, n in zip(self.pieces, self.rows, strict=True)]
        newest = ([part[-1] for part in end] for end in ends)
        states = self.stepper.step(*(torch.stack(parts) for parts in zip(*newest, strict=True)))
        self.rows = [n + 1 for n in self.rows]
        for slot, state in enumerate(states):
            self.same(slot, state)

    def release(self, slot: int) -> None:
        """A piece is done; the last takes its slot."""
        self.stepper.release(slot)
        for column in (self.pieces, self.rows):
            column[slot] = column[-1]
            column.pop()

    def same(self, slot: int, state: torch.Tensor) -> None:
        """The state is that of the whole piece at its newest row."""
        expected = EXPECTED[self.pieces[slot]][self.rows[slot] - 1]
        torch.testing.assert_close(state, expected, rtol=1e-4, atol=1e-4)


@settings(max_examples=15)
@given(
    st.lists(st.integers(1, 60), min_size=4, max_size=4),
    st.lists(st.one_of(st.just("step"), st.just("step"), st.integers(0, 3)), max_size=12),
)
def test_step_by_step_as_at_once(firsts: list[int], deeds: list[str | int]) -> None:
    """Pieces of any lengths, stepped together and released in any order, have the same states."""
    play = Play(firsts)
    for deed in deeds:
        if deed == "step":
            play.step()
        elif isinstance(deed, int) and deed < len(play.pieces) > 1:
            play.release(deed)
    assert play.stepper.lengths == play.rows
    assert play.stepper.active == len(play.pieces)


def test_a_slot_can_be_shown_anew() -> None:
    """A slot that was cleared and shown other rows goes on as if it had never held any."""
    play = Play([30, 20])
    play.step()
    play.stepper.clear(0)
    assert play.stepper.room(0) == 128
    play.prefill(0, 50)
    play.step()


def test_the_context_is_a_limit() -> None:
    """More rows than the context holds are refused, and a full slot is not stepped."""
    stepper = Stepper(MODEL, 1)
    rows, times = torch.zeros(129, 8, dtype=torch.int16), torch.zeros(129, dtype=torch.int32)
    links = torch.full((129, len(SEEN_LINKS)), -1)
    with pytest.raises(SettingError, match="129 rows do not fit into the context of 128"):
        stepper.prefill(0, rows, times, links)
    stepper.prefill(0, rows[:128], times[:128], links[:128])
    assert stepper.room(0) == 0
    with pytest.raises(SettingError, match="context of a slot is full"):
        stepper.step(rows[:1], times[:1], links[:1])


@torch.no_grad()
@pytest.mark.parametrize("kind", [NOTE, TRACK, BAR, CHORD])
def test_fields_are_drawn_as_they_were_trained(kind: int) -> None:
    """Drawn one after another, fields have the odds that training saw in one piece."""
    piece = PIECES[0]
    place = int(np.flatnonzero(piece[:, 0] == kind)[8 if kind == NOTE else 1])
    links = row_links(piece)[place]
    stepper = Stepper(MODEL, 2)
    state = stepper.prefill(1, *first(piece, place))
    draw = RowDraw(stepper, 1, state)
    odds = {"kind": draw.kind_logits()}
    draw.take_kind(kind, piece[links[LINK_PLACE["prior"]]].tolist())
    for number, name in enumerate(KINDS[kind].fields):
        if name == KINDS[kind].own_from:
            track, before = links[LINK_PLACE["track"]], links[LINK_PLACE["before"]]
            assert min(track, before) >= 0
            draw.take_track(int(track), int(before), piece[before].tolist())
        odds[f"{KINDS[kind].name}.{name}"] = draw.field_logits(name)
        draw.take_field(name, int(piece[place, number + 1]))
    scored = torch.zeros(1, len(piece), dtype=torch.bool)
    scored[0, place] = True
    loss = row_loss(MODEL, *as_tensors(piece), scored)
    chosen = dict(zip(odds, piece[place], strict=False))
    assert any(loss.counts.values())
    for key, count in loss.counts.items():
        if count:
            nats = -torch.log_softmax(torch.from_numpy(odds[key]), 0)[int(chosen[key])]
            torch.testing.assert_close(nats, loss.nats[key], rtol=1e-4, atol=1e-4)
