"""The recipe in a file makes the file again, or says where it does not."""

import json
from dataclasses import replace

import pytest

from musegen.composing.composer import Composer
from musegen.composing.recipe import (
    MARK,
    Recipe,
    composed_file,
    difference,
    finished,
    read_recipe,
    remade,
)
from musegen.errors import CheckpointError, MidiError
from musegen.model.checkpoint import Checkpoint
from musegen.model.sampling import Sampling
from musegen.music.lint.points import lint
from musegen.music.read import read_midi
from musegen.music.score import Key
from musegen.music.write import midi_bytes
from musegen.tokens.controls import BarPlan, Chord, Controls, SectionPlan, TrackPlan
from tests.composing.busy import GENRES
from tests.model.tiny import tiny_model

COMPOSER = Composer(Checkpoint(tiny_model(), GENRES, "abc123" * 10))
WISHES = Controls(
    genre="folk", valence=0.5, key=(2, "minor"), bars=2, meter=(3, 4), tempo=97,
    tracks=(TrackPlan(73, low=60), TrackPlan(0, True)),
)  # fmt: skip
PLANNED = replace(
    WISHES,
    sections=(SectionPlan(0, "A", 2, instruments=((73, False), (0, True))),),
    meter_changes=((1, (4, 4)),),
    plan=(BarPlan(density=2.0), BarPlan(1, "varied")),
    chords=(Chord(0, 0, 2, "m"),),
)


def composed(wishes: Controls = WISHES, count: int = 1, **rest: object) -> list[bytes]:
    """The files of some compositions, each with its recipe."""
    sampling = Sampling(1.0, 5, 0.9)
    pieces = COMPOSER.compose(wishes, sampling, 3, count)
    return [
        composed_file(p, Recipe.of(COMPOSER, "tiny", p, count, wishes, sampling, **rest))  # type: ignore[arg-type]
        for p in pieces
    ]


@pytest.mark.parametrize("rest", [{}, {"humanize": 0.7}])
def test_a_file_is_made_again_from_what_it_carries(rest: dict[str, object]) -> None:
    """Byte for byte, the third of three as well as the first, humanised or not."""
    for file in composed(count=3, **rest):
        assert remade(read_recipe(file), COMPOSER) == file
        assert {finding.point for finding in lint(file).findings} <= {15}


def test_the_recipe_holds_all_wishes() -> None:
    """Tracks, sections, bars and chords come back as they were wished."""
    (piece,) = COMPOSER.compose(PLANNED, seed=1)
    recipe = Recipe.of(COMPOSER, "tiny", piece, 1, PLANNED, Sampling())
    assert read_recipe(composed_file(piece, recipe)) == recipe
    assert recipe.as_json()["wishes"]["chords"][0]["root"] == 2


def test_a_file_says_that_a_model_composed_it() -> None:
    """In words, with the version and the checkpoint."""
    (file,) = composed()
    said = read_recipe(file).disclosure
    assert said.startswith("This music was composed by a model: musegen ")
    assert "checkpoint tiny (SHA-256 abc123abc123" in said
    assert said.encode() in file


def test_where_two_files_differ_is_said_by_bar() -> None:
    """The first bar whose notes, length or tempo differ; signs alone are told apart from notes."""
    (file,) = composed()
    score = read_midi(file)
    assert difference(file, file) is None
    assert "every note is the same" in str(difference(file, midi_bytes(score)))
    last = score.tracks[-1]
    rows = last.notes.copy()
    rows[-1, 2] ^= 1
    changed = score.with_tracks([*score.tracks[:-1], replace(last, notes=rows)])
    bar = int(rows[-1, 0]) // 1440 + 1
    assert difference(file, midi_bytes(changed)) == f"bar {bar} is the first that differs"
    other_key = replace(score, keys=(Key(0, 5, "major"),))
    assert "every note is the same" in str(difference(file, midi_bytes(other_key)))


def test_another_checkpoint_is_refused() -> None:
    """It would make another piece."""
    (file,) = composed()
    other = Composer(Checkpoint(COMPOSER.checkpoint.model, GENRES, "fff"))
    with pytest.raises(CheckpointError, match="composed with checkpoint 'tiny'"):
        remade(read_recipe(file), other)


def test_a_file_without_a_recipe() -> None:
    """It says so."""
    (piece,) = COMPOSER.compose(WISHES, seed=1)
    with pytest.raises(MidiError, match="carries no recipe"):
        read_recipe(midi_bytes(piece.score))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": "x"}, {"seed": -1}, {"unknown": 1}, {"number": 9}, {"wishes": {"bars": 0}},
        {"wishes": []}, {"sampling": {"heat": 1}}, {"humanize": "x"}, {"wishes": {"tracks": [1]}},
        {"count": True},
    ],
)  # fmt: skip
def test_a_damaged_recipe_is_refused(change: dict[str, object]) -> None:
    """One error that says what is wrong, never a crash."""
    (piece,) = COMPOSER.compose(WISHES, seed=1)
    recipe = Recipe.of(COMPOSER, "tiny", piece, 1, WISHES, Sampling())
    entries = json.loads(recipe.texts()[1].removeprefix(MARK)) | change
    file = midi_bytes(piece.score, texts=[MARK + json.dumps(entries)])
    with pytest.raises(MidiError, match="its recipe is damaged"):
        read_recipe(file)


def test_nothing_rings_past_the_end_of_a_loop() -> None:
    """The file is exactly as many bars long as were asked for."""
    wishes = replace(WISHES, loop=True)
    (piece,) = COMPOSER.compose(wishes, seed=1)
    recipe = Recipe.of(COMPOSER, "tiny", piece, 1, wishes, Sampling())
    assert finished(piece, recipe).end == 2 * 72
    assert read_midi(composed_file(piece, recipe)).end == 2 * 1440
