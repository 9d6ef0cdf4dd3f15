"""The one table: its names, its sizes, and the fingerprint that tells two tables apart."""

import re
from dataclasses import replace

import numpy as np
import pytest

from musegen.tokens import fields, scales
from musegen.tokens.fields import (
    COLUMNS,
    FIELDS,
    KINDS,
    NOTE,
    PAD,
    TABLE,
    as_rows,
    column,
    fingerprint,
    row,
)


def test_every_kind_fits_into_a_row() -> None:
    """A row has eight columns, and no kind has more fields than fit beside its name."""
    assert COLUMNS == TABLE.columns == 8
    assert all(len(kind.fields) < COLUMNS for kind in KINDS)
    assert PAD == 0
    assert not KINDS[PAD].fields


def test_every_field_is_used_and_every_used_field_exists() -> None:
    """The kinds name fields of the table, each at most once a row, and leave none out."""
    used = [name for kind in KINDS for name in kind.fields]
    assert set(used) == set(FIELDS)
    assert all(len(set(kind.fields)) == len(kind.fields) for kind in KINDS)
    assert len({kind.name for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_holds_small_numbers(name: str) -> None:
    """Values fit into sixteen bits, names into identifiers, and parts into one number a value."""
    field = FIELDS[name]
    assert field.name == name
    assert re.fullmatch("[a-z_]+", name)
    assert 1 < field.size < 2**15
    assert field.meaning
    assert len(field.part_tables) == len(field.parts) <= 2
    for table in field.part_tables:
        assert table.shape == (field.size,)
        assert table.min() >= 0


def test_parts_say_what_is_alike() -> None:
    """Octaves of a pitch share its pitch class, kits a family, and a beat its onsets."""
    pitch_class, octave = FIELDS["pitch"].part_tables
    assert pitch_class[60] == pitch_class[72] != pitch_class[61]
    assert octave[60] == octave[71] != octave[72]
    assert pitch_class[128 + 36] == 0
    (family,) = FIELDS["instrument"].part_tables
    assert family[0] == family[7] != family[8]
    assert len(set(family[fields.DRUM_BASE : fields.ALL_INSTRUMENTS].tolist())) == 1
    in_beat, beat = FIELDS["onset"].part_tables
    assert (in_beat[54], beat[54]) == (6, 2)


def test_sizes_follow_the_scales() -> None:
    """A field on a scale has a value for each of its steps, and one for "unset" where it may be."""
    assert FIELDS["tempo"].size == 1 + 285
    assert FIELDS["onset"].size == scales.MAX_BAR_STEPS == 384
    assert FIELDS["duration"].size == len(scales.DURATION)
    assert FIELDS["meter"].size == 1 + len(scales.METERS)
    assert FIELDS["chord"].size == 2 + 12 * 14
    assert FIELDS["bars_left"].size == 1 + max(map(scales.bars_left_index, range(2000)))


def test_rows_by_name() -> None:
    """A row is written by the names of its fields and read at their columns."""
    cells = row(NOTE, onset=24, pitch=60)
    assert cells == [NOTE, 24, 0, 0, 60, 0, 0, 0]
    assert cells[column(NOTE, "pitch")] == 60
    assert as_rows([]).shape == (0, COLUMNS)
    assert as_rows([cells]).dtype == np.int16
    with pytest.raises(ValueError):
        row(NOTE, letter=1)


def test_the_fingerprint_of_this_table() -> None:
    """The table is the one that checkpoints and prepared folders of this version were made with.

    A change of it makes all of them useless: raise this only on purpose, and say so.
    """
    assert fingerprint() == "c566bb9870c0f130"


CHANGES = {
    "a field of another size": ("_FIELDS", lambda t: (replace(t[0], size=99), *t[1:])),
    "a field of another name": ("_FIELDS", lambda t: (replace(t[0], name="style"), *t[1:])),
    "a field that may be unset": ("_FIELDS", lambda t: (*t[:-1], replace(t[-1], optional=True))),
    "other parts": ("_FIELDS", lambda t: (*t[:-1], replace(t[-1], parts=(abs,)))),
    "fields in another order": ("_FIELDS", lambda t: t[::-1]),
    "kinds in another order": ("KINDS", lambda t: t[::-1]),
    "a kind with fewer fields": ("KINDS", lambda t: (*t[:7], replace(t[7], fields=()), *t[8:])),
    "a kind's fields in another order": (
        "KINDS",
        lambda t: tuple(replace(kind, fields=kind.fields[::-1]) for kind in t),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_another_table_has_another_fingerprint(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever changes the meaning of a row changes the fingerprint; a changed comment does not."""
    name, change = CHANGES[what]
    before = fingerprint()
    monkeypatch.setattr(fields, name, change(getattr(fields, name)))
    assert fingerprint.__wrapped__() != before


@pytest.mark.parametrize(
    "name",
    ["DENSITY", "POLYPHONY", "LOUDNESS", "VALENCE", "TEMPO_BPM", "VELOCITY", "DURATION", "METERS"],
)
def test_another_scale_has_another_fingerprint(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that stands for another number is another table."""
    before = fingerprint()
    scale = getattr(scales, name)
    shorter = scales.Scale(scale.values[:-1]) if isinstance(scale, scales.Scale) else scale[:-1]
    monkeypatch.setattr(scales, name, shorter)
    assert fingerprint.__wrapped__() != before


def test_words_do_not_change_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is only said about a field may be said better at any time."""
    before = fingerprint()
    better = tuple(replace(field, meaning="?") for field in fields._FIELDS)
    monkeypatch.setattr(fields, "_FIELDS", better)
    assert fingerprint.__wrapped__() == before
