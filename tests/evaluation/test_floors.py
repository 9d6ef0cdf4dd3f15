"""Floors: what is foretold without a model, on the very rows that the model is judged on."""

import math

import numpy as np
import pytest

from musegen.corpus.collection import collect
from musegen.corpus.windows import scored_rows
from musegen.errors import CorpusError
from musegen.evaluation.floors import field_sequences, ngram, uniform
from musegen.evaluation.likelihood import MODEL, NGRAM, UNIFORM, UNIGRAM, likelihood_report
from musegen.tokens import scales
from musegen.tokens.fields import BAR, END, FORM, NOTE, STYLE, TRACK, as_rows, row
from tests.corpus.pieces import made_piece
from tests.model.tiny import tiny_model

FOUR_FOUR = 1 + scales.METERS.index((4, 4))
PIECE = as_rows(
    [
        row(STYLE, genre=1),
        row(FORM),
        row(TRACK, instrument=40),
        row(BAR, bars_left=0, meter=FOUR_FOUR, tempo=105, chord=9),
        row(NOTE, onset=24, instrument=40, pitch=60, duration=5, velocity=3),
        row(NOTE, onset=24, instrument=40, pitch=64, duration=5, velocity=3),
        row(END),
    ]
)
SCORED = scored_rows(PIECE)


def test_what_is_legal_counts_by_hand() -> None:
    """A player who only knows the law guesses among what is legal, field by field."""
    flat = uniform([(PIECE, SCORED)])
    legal = {
        "kind": (1, 3, 2, 3, 3),  # TRACK; TRACK SECTION BAR; NOTE CHORD; NOTE CHORD END, twice
        "TRACK.instrument": (128 + 9,),
        "TRACK.number": (1,),
        "BAR.bars_left": (73,),
        "BAR.meter": (len(scales.METERS),),
        "BAR.tempo": (285,),
        "BAR.chord": (1 + 12 * 14,),
        "NOTE.onset": (96, 72),
        "NOTE.instrument": (1, 1),
        "NOTE.number": (1, 1),
        "NOTE.pitch": (128, 128 - 61),
        "NOTE.duration": (72, 72),
        "NOTE.velocity": (32, 32),
    }
    assert set(flat.by_field) == set(legal)
    for key, counts in legal.items():
        expected = sum(map(math.log, counts)) / len(counts)
        assert flat.by_field[key] == pytest.approx(expected), key
    assert flat.per_note == pytest.approx(sum(math.log(n) for c in legal.values() for n in c) / 2)
    assert (flat.notes, flat.rows) == (2, 5)


def test_padding_is_the_end() -> None:
    """Padding behind a piece is not counted."""
    padded = np.concatenate([PIECE, np.zeros((4, 8), dtype=np.int16)])
    assert uniform([(padded, scored_rows(padded))]) == uniform([(PIECE, SCORED)])


def test_sequences_of_fields() -> None:
    """Every field of every kind is a sequence of its own; what is unset is left out."""
    found = field_sequences([(PIECE, SCORED), (PIECE, SCORED)])
    assert len(found["kind"]) == 2
    assert found["kind"][0].tolist() == [TRACK, BAR, NOTE, NOTE, END]
    assert found["NOTE.pitch"][1].tolist() == [60, 64]
    assert found["BAR.chord"][0].tolist() == [9]
    assert "BAR.back" not in found
    assert "STYLE.genre" not in found


def test_counting_what_was_seen_helps() -> None:
    """Judged on what it was fitted on, an n-gram beats the law alone; on fields never seen not."""
    pieces = [(rows, scored_rows(rows)) for rows in (made_piece(s, bars=6) for s in range(3))]
    sequences = field_sequences(pieces)
    five, one = ngram(sequences, sequences, 5), ngram(sequences, sequences, 1)
    assert five.per_note < one.per_note
    unseen = ngram({}, field_sequences([(PIECE, SCORED)]), 5)
    assert unseen.by_field["NOTE.pitch"] == pytest.approx(math.log(256))


@pytest.mark.slow
def test_all_judges_hear_the_same_rows() -> None:
    """The model and its floors foretell the same rows and notes; the report names all of them."""
    pieces = [made_piece(seed, bars=5, genre=1 + seed % 2) for seed in range(6)]
    collection = collect(pieces, held_out=[seed < 3 for seed in range(6)])
    done: list[tuple[int, int]] = []
    report = likelihood_report(
        tiny_model(), collection, ("folk", "jazz"), progress=lambda *now: done.append(now)
    )
    judges = list(report.judges.values())
    assert len(judges) == 5
    assert len({(judge.notes, judge.rows) for judge in judges}) == 1
    fields = [{k for k, v in judge.by_field.items() if v} for judge in judges]
    assert fields[0] >= fields[2]
    assert sum(judge.notes for judge in report.by_genre.values()) == judges[0].notes
    assert set(report.by_genre) == {"folk", "jazz"}
    assert all(0 < judge.per_note < math.inf for judge in judges)
    text = report.markdown()
    for name in (MODEL, NGRAM, UNIFORM, UNIGRAM, "`NOTE.pitch`", "| folk |"):
        assert name in text
    assert done[-1][0] == done[-1][1]
    assert [now for now, _ in done] == sorted(now for now, _ in done)


def test_nothing_to_judge_with() -> None:
    """Without held-out pieces there is no report, and the error says so."""
    with pytest.raises(CorpusError, match="holds nothing out"):
        likelihood_report(tiny_model(), collect([PIECE]), ("folk",))
