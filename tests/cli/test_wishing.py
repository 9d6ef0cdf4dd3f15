"""Wishes on the command line: what a musician types becomes Controls, or one clear line."""

import click
import pytest
from click.testing import CliRunner

from musegen.cli.wishing import NAMES, wish_options, wishes_of
from musegen.errors import WishError
from musegen.tokens.controls import Chord, Controls, SectionPlan, TrackPlan
from musegen.tokens.wishes import SCALES, parse_pitch, parse_scale

NOTHING = dict.fromkeys(NAMES) | {
    "instruments": (), "ranges": (), "max_polyphony": (), "chord_tones": False,
}  # fmt: skip


def wished(**told: object) -> Controls:
    """The Controls of a few options."""
    return wishes_of(NOTHING | told)


def test_nothing_wished() -> None:
    """Without any option nothing is wished, and every option has a name here."""
    assert wished() == Controls()
    seen: dict[str, object] = {}
    command = click.command()(wish_options(lambda **told: seen.update(told)))
    assert CliRunner().invoke(command, []).exit_code == 0
    assert set(seen) == set(NAMES)
    assert wishes_of(seen) == Controls()


def test_changes_count_bars_from_one() -> None:
    """The ninth bar is bar 8 of Controls."""
    found = wished(tempo="110, 90@9", meter="4/4, 6/8@3")
    assert (found.tempo, found.tempo_changes) == (110, ((8, 90),))
    assert (found.meter, found.meter_changes) == ((4, 4), ((2, (6, 8)),))


def test_a_form() -> None:
    """Letters, bars, and in brackets what a section is to be."""
    found = wished(form="A8 B4(sad; density=3; instruments=piano+flute) A8(exact) b4")
    first, second, third, fourth = found.sections
    assert found.bars == 24
    assert first == SectionPlan(0, "A", 8)
    assert (second.valence, second.arousal) < (0, 0)
    assert second.density == 3
    assert second.instruments == ((0, False), (73, False))
    assert (third.bar, third.repeat) == (12, "exact")
    assert (fourth.letter, fourth.repeat) == ("B", "varied")


def test_chords_come_back_until_the_end() -> None:
    """One a bar, or between bar lines; without a number of bars each comes once."""
    assert wished(chords="Am F").bars == 2
    assert wished(chords="Am F", bars=3).chords[2] == Chord(2, 0, 9, "m")
    four = wished(chords="C G Am F | C", meter="4/4").chords
    assert [(chord.bar, chord.onset) for chord in four] == [
        (0, 0), (0, 24), (0, 48), (0, 72), (1, 0),
    ]  # fmt: skip


def test_chords_begin_anew_with_each_section() -> None:
    """So an exact repeat has the chords of what it repeats."""
    chords = wished(form="A3 B2 A3(exact)", chords="C G").chords
    assert [chord.root for chord in chords] == [0, 7, 0, 0, 7, 0, 7, 0]


def test_ranges_and_caps_belong_to_instruments() -> None:
    """A range in names of pitches, a cap of one instrument and one of all."""
    found = wished(
        instruments=("piano,flute",), ranges=("flute=C5-C6",), max_polyphony=("6", "flute=1")
    )
    assert found.tracks == (TrackPlan(0), TrackPlan(73, span=(72, 84), max_polyphony=1))
    assert found.max_polyphony == 6


def test_scales_lie_on_the_key() -> None:
    """Strict is the key's own scale; every scale that has a name can be kept."""
    assert wished(scale="strict", key="D").scale == (1, 2, 4, 6, 7, 9, 11)
    for name in SCALES:
        tones = parse_scale(name, (4, "minor"))
        assert 4 in tones
        assert all(set(tones) & {(low + step) % 12 for step in range(4)} for low in range(12))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"tempo": "90@3"}, "write the first"),
        ({"tempo": "fast"}, "whole number"),
        ({"tempo": "99.5"}, "whole number"),
        ({"meter": "4/4, 3/4"}, "not understood"),
        ({"form": "eight bars"}, "not understood"),
        ({"form": "A8(grumpy)"}, "unknown mood"),
        ({"form": "A8(shape=round)"}, "not understood"),
        ({"form": "A8 B8", "bars": 12}, "16 bars"),
        ({"chords": "Am Hx"}, "unknown chord"),
        ({"chords": "Am F | C"}, "needs a meter"),
        ({"chords": "C D E F G | C", "meter": "4/4"}, "do not fit"),
        ({"scale": "strict"}, "needs a key"),
        ({"scale": "foo", "key": "C"}, "unknown scale"),
        ({"ranges": ("flute=C4-C6",)}, "not among"),
        ({"instruments": ("flute",), "ranges": ("flute=high",)}, "flute=C4-C6"),
        ({"max_polyphony": ("none",)}, "not understood"),
        ({"mood": "sad", "valence": 0.1}, "not both"),
        ({"loop": 4, "bars": 8}, "contradict"),
    ],
)
def test_what_is_not_understood(told: dict[str, object], words: str) -> None:
    """The line names the wish and says what may be written."""
    with pytest.raises(WishError, match=words):
        wished(**told)


def test_pitches_have_names() -> None:
    """C4 is 60."""
    assert [parse_pitch(name) for name in ("C4", "B3", "Bb3", "c-1", "127")] == [60, 59, 58, 0, 127]
    with pytest.raises(WishError, match="pitch"):
        parse_pitch("H2")
