"""Instruments by the names that people use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.errors import WishError
from musegen.music import instruments
from musegen.music.instruments import (
    Instrument,
    drum_name,
    family_name,
    find_instrument,
    kit_name,
    program_name,
    track_names,
)
from musegen.music.score import Score, Track
from musegen.music.timing import GRID


def test_general_midi_is_complete():
    """128 programs of different names in 16 families of eight, and every kit of the grid."""
    assert len(set(instruments.PROGRAMS)) == 128
    assert len(set(instruments.FAMILIES)) == 16
    assert tuple(instruments.KITS) == GRID.kits
    assert (program_name(73), family_name(73)) == ("Flute", "Pipe")
    assert (program_name(0), program_name(40), program_name(127)) == (
        "Acoustic Grand Piano",
        "Violin",
        "Gunshot",
    )
    assert (kit_name(32), kit_name(33)) == ("Jazz Kit", "Kit 33")


def test_drums_have_names():
    """36 is the bass drum, 38 the snare, 87 the last; others go by their number."""
    names = [drum_name(pitch) for pitch in (36, 38, 42, 49, 87, 88, 0)]
    assert names == [
        "Bass Drum",
        "Acoustic Snare",
        "Closed Hi-hat",
        "Crash Cymbal 1",
        "Open Surdo",
        "Drum 88",
        "Drum 0",
    ]


@pytest.mark.parametrize(
    ("text", "program", "is_drum"),
    [
        ("piano", 0, False),
        ("Flute", 73, False),
        ("flutes", 73, False),
        ("electric bass", 33, False),
        ("ELECTRIC_BASS", 33, False),
        ("bass", 33, False),
        ("violin", 40, False),
        ("violins", 40, False),
        ("strings", 48, False),
        ("sax", 65, False),
        ("honky tonk", 3, False),
        ("73", 73, False),
        ("0", 0, False),
        ("drums", 0, True),
        ("Jazz Kit", 32, True),
        ("808", 25, True),
        ("brushes", 40, True),
    ],
)
def test_what_a_musician_types_is_understood(text, program, is_drum):
    """The first instrument found is the one most likely meant."""
    assert find_instrument(text)[0] == Instrument(program, is_drum)


def test_a_family_is_all_its_instruments():
    """ "guitar" is eight guitars, "piano" the acoustic ones."""
    assert [found.program for found in find_instrument("guitar")] == list(range(24, 32))
    assert [found.program for found in find_instrument("piano")] == [0, 1, 2, 3]


def test_every_name_of_general_midi_is_found():
    """Every program and every kit is found by its name, and by it alone."""
    for program, name in enumerate(instruments.PROGRAMS):
        assert find_instrument(name.upper()) == (Instrument(program),)
        assert Instrument(program).name == name
    for kit, name in instruments.KITS.items():
        assert find_instrument(name) == (Instrument(kit, True),)
        assert Instrument(kit, True).name == name


def test_an_unknown_instrument_is_an_error_that_names_near_ones():
    """A slip of the finger is answered with what was meant."""
    with pytest.raises(WishError, match="did you mean flute"):
        find_instrument("flut")
    with pytest.raises(WishError, match="did you mean violin"):
        find_instrument("voilin")
    for text in ("", "  ", "zzz", "128", "-1"):
        with pytest.raises(WishError):
            find_instrument(text)


@given(st.text(max_size=12))
def test_any_text_is_an_instrument_or_a_wish_error(text):
    """No text breaks the search, and what it finds exists."""
    try:
        found = find_instrument(text)
    except WishError:
        return
    assert found
    assert all(0 <= each.program <= 127 for each in found)


def test_aliases_name_programs_that_exist():
    """Every alias is plain and stands for programs of General MIDI, none of them twice."""
    for alias, programs in instruments.ALIASES.items():
        assert alias == instruments._plain(alias)
        assert len(set(programs)) == len(programs) > 0
        assert all(0 <= program <= 127 for program in programs)
    assert set(instruments.KIT_ALIASES.values()) <= set(GRID.kits)


def test_tracks_have_names_that_differ():
    """A track's own name, or its instrument's; a second of a name is numbered."""
    score = Score(24, (Track(0), Track(0), Track(0, name="Solo"), Track(40), Track(0, True)))
    assert track_names(score) == [
        "Acoustic Grand Piano",
        "Acoustic Grand Piano 2",
        "Solo",
        "Violin",
        "Drums",
    ]


@given(st.lists(st.sampled_from(("a", "a 2", "a 3", "a\n2", "", " ")), max_size=8))
def test_track_names_are_unique_and_clean(names):
    """However tracks are named, every name is there once and can be printed."""
    found = track_names(Score(24, tuple(Track(0, name=name) for name in names)))
    assert len(set(found)) == len(found) == len(names)
    assert all(name.isprintable() and name.strip() == name and name for name in found)
