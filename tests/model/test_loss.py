"""What training lowers: nats of every field that was to be foretold, and of nothing else."""

import math

import numpy as np
import pytest
import torch

from musegen.corpus.windows import scored_rows
from musegen.model.loss import RowLoss, row_loss
from musegen.model.transformer import MusicModel
from musegen.tokens.fields import (
    BAR,
    CHORD,
    DRUM_BASE,
    END,
    FIELDS,
    FIRST_CHORD,
    FORM,
    KINDS,
    NOTE,
    STYLE,
    TABLE,
    TRACK,
    Rows,
    as_rows,
    column,
    row,
)
from musegen.tokens.relations import FARTHEST_STEP
from tests.corpus.pieces import made_piece
from tests.model.tiny import as_tensors, tiny_model


def judge(model: MusicModel, rows: Rows, scored: np.ndarray | None = None) -> RowLoss:
    """The loss of one piece."""
    told = scored_rows(rows) if scored is None else scored
    return row_loss(model, *as_tensors(rows), torch.from_numpy(told)[None])


NOTHING = [torch.zeros(1, dtype=torch.long) for r in TABLE.relations if r.field == "pitch"]
"""What a pitch is heard against where nothing was said."""


def indifferent() -> MusicModel:
    """A model whose every choice is as likely as any other: all of its weights are 0."""
    model = tiny_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    return model


PIECE = as_rows(
    [
        row(STYLE, genre=1, key=1 + 12 + 9),
        row(FORM, bars=2),
        row(TRACK, instrument=0, low=10),
        row(BAR, bars_left=0, meter=4, tempo=100, chord=2),
        row(CHORD, onset=24, chord=9),
        row(NOTE, onset=24, pitch=60, duration=23, velocity=16),
        row(NOTE, onset=48, pitch=64, duration=23, velocity=16),
        row(END),
    ]
)


def test_nats_by_hand() -> None:
    """Of an indifferent model each field costs the logarithm of its size, unset ones nothing."""
    loss = judge(indifferent(), PIECE)
    assert loss.counts["kind"] == 6
    assert float(loss.nats["kind"]) == pytest.approx(6 * math.log(len(KINDS)))
    expected = {
        **{f"TRACK.{name}": 1 for name in ("instrument", "number", "low")},
        **{f"BAR.{name}": 1 for name in ("bars_left", "meter", "tempo", "chord")},
        **{f"CHORD.{name}": 1 for name in ("onset", "chord")},
        **{f"NOTE.{name}": 2 for name in KINDS[NOTE].fields},
    }
    assert {key: n for key, n in loss.counts.items() if n and key != "kind"} == expected
    for key, count in expected.items():
        size = FIELDS[key.split(".")[1]].size
        assert float(loss.nats[key]) == pytest.approx(count * math.log(size), rel=1e-5)
    everything = sum(float(value) for value in loss.nats.values())
    assert float(loss.total.detach()) == pytest.approx(everything)


def test_what_is_unset_is_not_foretold() -> None:
    """A field that says nothing costs nothing, and saying it changes only what follows."""
    loss = judge(tiny_model(), PIECE)
    assert loss.counts["TRACK.high"] == 0
    assert float(loss.nats["TRACK.high"]) == 0
    assert loss.counts["BAR.back"] == 0


def test_wishes_are_given_and_never_foretold() -> None:
    """No loss is taken on what the composer says: STYLE and FORM."""
    assert not any(key.startswith(("STYLE", "FORM")) for key in judge(tiny_model(), PIECE).nats)


def test_only_scored_rows_count() -> None:
    """Rows that are not scored are context: with none of them scored nothing is lost."""
    scored = np.zeros(len(PIECE), dtype=bool)
    nothing = judge(tiny_model(), PIECE, scored)
    assert nothing.counts == {"kind": 0}
    assert float(nothing.total.detach()) == 0
    scored[-1] = True
    assert judge(tiny_model(), PIECE, scored).counts == {"kind": 1}


@torch.no_grad()
def test_by_the_softmax() -> None:
    """The nats of a note's pitch are those of its softmax, given what is known by then."""
    model = tiny_model()
    full, decoder = model.embedding.full(), model.decoder
    values = model.embedding.by_field(full)
    rows, times, links = as_tensors(PIECE)
    place = 6  # the second note; the first one, at 5, is of the same track, whose row is 2
    states, embedded = model(full, rows, times, links)
    ids = model.embedding.global_ids(rows)[0]
    said = sum(full[known] for known in ids[place, :4])  # the kind, onset, instrument and number
    before = decoder.again(full[ids[5, 4]][None, None], "NOTE", 3)[0, 0]  # the last note's pitch
    own = decoder.own_track(embedded[0, 2], embedded[0, 5], states[0, 5])
    seen = states[0, place - 1] + said + before + own
    hidden = decoder.hidden("NOTE", seen[None, None], 3)
    logits = decoder.field_logits(values, "NOTE", "pitch", hidden[0], NOTHING)[0]
    leans = {name: lean(hidden[0, 0]) for name, lean in decoder.leans.items()}
    chord = 9 - FIRST_CHORD  # a chord on C, the lowest root: 7 is its quality
    for pitch in range(DRUM_BASE):
        logits[pitch] += leans["NOTE_pitch_chord"][12 * chord + pitch % 12]
        if abs(pitch - 60) <= FARTHEST_STEP:
            logits[pitch] += leans["NOTE_pitch_before"][pitch - 60 + FARTHEST_STEP]
        key_of_a_minor = 12 + (pitch - 9) % 12
        logits[pitch] += leans["NOTE_pitch_style"][key_of_a_minor]
    scored = np.zeros(len(PIECE), dtype=bool)
    scored[place] = True
    expected = -torch.log_softmax(logits, 0)[64]
    found = judge(model, PIECE, scored).nats["NOTE.pitch"]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_padding_costs_nothing() -> None:
    """A piece loses the same, whatever padding stands behind it."""
    piece = made_piece(bars=3)
    padded = np.concatenate([piece, np.zeros((9, piece.shape[1]), dtype=np.int16)])
    alone, behind = judge(tiny_model(), piece), judge(tiny_model(), padded)
    assert alone.counts == behind.counts
    torch.testing.assert_close(alone.total, behind.total, rtol=1e-4, atol=1e-2)


def test_training_on_one_piece_lowers_it() -> None:
    """Some steps downhill make the piece less surprising."""
    model = tiny_model()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    losses = []
    for _ in range(8):
        loss = judge(model, PIECE).total
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    assert losses[-1] < 0.7 * losses[0]
    unused = [n for n, p in model.named_parameters() if p.grad is None and "SECTION" not in n]
    assert all("ANSWER" in name for name in unused), "everything else is trained"


def test_a_chord_is_not_heard_against_itself() -> None:
    """The odds of all chords that a bar could begin with add up to 1: none sees itself."""
    model = tiny_model()
    with torch.no_grad():
        model.decoder.bias["BAR_chord"][0] = -1e9  # unset is never asked for
    piece = as_rows(
        [
            row(STYLE, key=1),
            row(FORM, bars=2),
            row(BAR, bars_left=1, meter=4, tempo=100, chord=20),
            row(BAR, bars_left=0, meter=4, tempo=100, chord=1),
        ]
    )
    scored = np.array([False, False, False, True])
    total = 0.0
    for chord in range(1, FIELDS["chord"].size):
        piece[3, column(BAR, "chord")] = chord
        total += math.exp(-float(judge(model, piece, scored).nats["BAR.chord"]))
    assert total == pytest.approx(1, abs=1e-3)
