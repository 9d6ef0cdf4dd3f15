"""What scan says is what preparing does."""

import random
from pathlib import Path

import mido
import pytest

from musegen.corpus.overview import Overview, survey
from musegen.corpus.prepare import prepare
from musegen.corpus.reading import LEAST_ONSETS, PERFORMED, PrepareSettings, played_freely
from musegen.music.score import Score, Track, note_array
from musegen.music.source import Limits
from musegen.music.steadiness import steadiness
from tests.corpus.test_prepare import song


def performance(file: Path, seed: int = 0, notes: int = 100) -> Path:
    """Notes at no beat at all, as a MIDI file."""
    chance = random.Random(seed)
    track = mido.MidiTrack()
    for _ in range(notes):
        pitch = chance.randrange(40, 80)
        track.append(mido.Message("note_on", note=pitch, velocity=80, time=chance.randrange(300)))
        track.append(mido.Message("note_off", note=pitch, time=chance.randrange(300)))
    file.parent.mkdir(parents=True, exist_ok=True)
    mido.MidiFile(tracks=[track]).save(file)
    return file


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Tunes, copies, performances, short and damaged files."""
    folder = tmp_path / "music"
    for seed in range(6):
        song(folder / ("jazz", "folk")[seed % 2] / f"{seed}.mid", seed)
    song(folder / "folk/copy.mid", 1)
    song(folder / "folk/higher.mid", 1, up=3)
    song(folder / "folk/short.mid", 9, notes=5)
    performance(folder / "jazz/free.mid")
    (folder / "jazz/page.mid").write_bytes(b"<html>")
    (folder / "jazz/cut.mid").write_bytes((song(folder / "x.mid", 7)).read_bytes()[:-9])
    (folder / "x.mid").unlink()
    return folder


@pytest.mark.parametrize("keep", [False, True])
def test_scan_says_what_preparing_does(music: Path, tmp_path: Path, keep: bool) -> None:
    """The same files are used, the same are left out, for the same reasons."""
    settings = PrepareSettings(keep_performed=keep)
    found = survey(music, settings, workers=0)
    prepared = prepare(music, tmp_path / "out", settings, workers=0)
    assert found.left_out == list(prepared.left_out())
    assert (found.used, found.notes, found.bars) == (
        prepared.facts.pieces, prepared.facts.notes, prepared.facts.bars
    )  # fmt: skip
    assert dict(found.genres) == prepared.facts.genre_counts
    assert ("jazz/free.mid" in {x.path for x in found.left_out}) is not keep
    assert list(found.repaired) == ["jazz/cut.mid"]
    assert found.exit_code == 1


@pytest.mark.slow
def test_workers_change_nothing(music: Path) -> None:
    """In other processes the same is found."""
    assert survey(music, workers=2).as_told() == survey(music, workers=0).as_told()


def test_limits_are_kept(music: Path) -> None:
    """A file past a limit is left out, and says so."""
    found = survey(music, PrepareSettings(limits=Limits(events=20)), workers=0)
    assert found.used == 0
    assert found.exit_code == 2
    assert any("more than 20 events" in x.reason for x in found.left_out)


def test_genres_out_of_balance_are_said(tmp_path: Path) -> None:
    """One genre with many times the pieces of the median one."""
    for seed in range(22):
        genre = "rock" if seed < 20 else f"other {seed}"
        song(tmp_path / genre / f"{seed}.mid", seed)
    assert any("rock has 20 pieces" in words for words in survey(tmp_path, workers=0).warnings)
    song(tmp_path / "alone/a.mid", 1)
    assert Overview("").exit_code == 2


def score(onsets: list[int]) -> Score:
    """A score of 480 ticks a quarter with a note at each onset."""
    return Score(480, (Track(0, notes=note_array([(t, 60, 60, 80) for t in onsets])),))


def test_what_is_in_time_is_steady() -> None:
    """On the beat, between beats, swung, in triplets, with a human's 20 ms of error: in time."""
    chance = random.Random(1)
    straight = [120 * i for i in range(200)]
    for onsets in (
        straight,
        [t + 37 for t in straight],
        [480 * i + (0, 320)[i % 2] for i in range(100)],
        [160 * i for i in range(100)],
        [max(0, t + round(chance.gauss(0, 20))) for t in straight],
    ):
        assert steadiness(score(onsets))[0] > 0.5
        assert not played_freely(score(onsets))


def test_what_keeps_to_no_beat_is_performed() -> None:
    """Onsets anywhere; of a few onsets nothing is said."""
    chance = random.Random(2)
    onsets = sorted(chance.sample(range(100_000), 300))
    assert "keep to no beat" in played_freely(score(onsets))
    assert not played_freely(score(onsets[: LEAST_ONSETS - 1]))
    assert PERFORMED == "performed freely"
    assert steadiness(Score(480)) == (0.0, 0)
