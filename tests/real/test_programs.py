"""Real programs open what we write, and understand what we meant.

Each test is skipped where its program is not installed; `make real` installs and needs them all.
"""

import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from musegen.music.exported import exported
from musegen.music.score import DURATION, ONSET, PITCH, Score, note_array
from musegen.music.stems import stems
from musegen.music.timing import bar_of, seconds_at
from musegen.music.write import midi_bytes
from musegen.tokens.controls import Controls, TrackPlan
from tests.composing.busy import blind_composer, busy_composer
from tests.music.test_lint import band
from tests.real.programs import font, musescore, needed, run

SHARPS = {"major": (0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5),
          "minor": (-3, 4, -1, -6, 1, -4, 3, -2, 5, 0, -5, 2)}  # fmt: skip
FIRST, DRUMS = 35, 47
EIGHTH = 12
TEXTS = ("This music was composed by a model", 'musegen recipe {"seed": 7}')


def waltz() -> Score:
    """A composition for four instruments in B minor, in 3/4."""
    wishes = Controls(
        bars=6, meter=(3, 4), tempo=97, key=(11, "minor"),
        tracks=(TrackPlan(68), TrackPlan(42), TrackPlan(6), TrackPlan(0, True)),
    )  # fmt: skip
    score = busy_composer().compose(wishes, seed=5)[0].score
    tracks = []
    for track in score.tracks:
        rows = track.notes.copy()
        if track.is_drum:  # the sound font has General MIDI's drums alone
            rows[:, PITCH] = FIRST + rows[:, PITCH] % DRUMS
        # Without a beat MuseScore takes music for a performance, and guesses meter and key anew.
        rows[:, ONSET] = rows[:, ONSET] // EIGHTH * EIGHTH
        rows[:, DURATION] = EIGHTH
        tracks.append(replace(track, notes=note_array(rows)))
    return score.with_tracks(tracks)


def freely() -> Score:
    """A composition of which only the length was asked for."""
    return blind_composer().compose(Controls(bars=8), seed=2)[0].score


PIECES = pytest.mark.parametrize("piece", [band, waltz, freely])


@pytest.mark.parametrize("piece", [band, waltz])
def test_musescore_understands_all(piece, tmp_path: Path) -> None:
    """Names, programs, drums, keys, meters, tempi and bars are those that we wrote."""
    score = exported(piece())
    last = max(track.end for track in score.tracks)
    bars = int(bar_of(score, last - 1)) + 1  # MuseScore leaves out empty bars at the end

    def by_bar(changes):
        """The changes in the bars that sound, by the number of the bar."""
        places = {int(bar_of(score, change.tick)) + 1: change for change in changes}
        return {bar: change for bar, change in places.items() if bar <= bars}

    found = musescore(midi_bytes(score, texts=TEXTS), tmp_path)
    # MuseScore puts its own name of the instrument before the track's.
    for part, track in zip(found.parts, score.tracks, strict=True):
        assert part.name == track.name or part.name.endswith(f", {track.name}")
        assert (part.channel == 10) == track.is_drum
        assert part.program == track.program or track.is_drum
        assert part.measures == bars
        assert part.meters == {bar: meter[1:] for bar, meter in by_bar(score.meters).items()}
        if not track.is_drum:
            signs = {bar: SHARPS[k.mode][k.tonic] for bar, k in by_bar(score.keys).items()}
            assert part.keys == signs
    tempos = {bar: tempo.bpm for bar, tempo in by_bar(score.tempos).items()}
    assert found.tempos == pytest.approx(tempos, abs=0.01)


def test_musescore_opens_stems(tmp_path: Path) -> None:
    """Each stem is one part in the meter and the key of the piece."""
    score = waltz()
    for content, track in zip(stems(score).values(), exported(score).tracks, strict=True):
        (part,) = musescore(content, tmp_path).parts
        assert (part.meters, part.keys) == ({1: (3, 4)}, {1: 2} if not track.is_drum else part.keys)
        assert (part.channel == 10) == track.is_drum


def heard(path: Path, score: Score) -> None:
    """The recording is not silent, and lasts from the first note to the last one's beginning.

    timidity leaves out the silence before the first.
    """
    first = min(int(track.notes[0, ONSET]) for track in score.tracks)
    last = max(int(track.notes[-1, ONSET]) for track in score.tracks)
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        assert file.getnframes() / file.getframerate() > np.ptp(seconds_at(score, [first, last]))
    assert np.abs(samples.astype(int)).max() > 500


@PIECES
def test_fluidsynth_renders_without_a_warning(piece, tmp_path: Path) -> None:
    """It says nothing but what it does."""
    program, sounds = needed("fluidsynth"), font()
    (tmp_path / "in.mid").write_bytes(midi_bytes(piece(), texts=TEXTS))
    said = run(program, "-ni", "-q", "-F", "out.wav", "-r", "22050", sounds, "in.mid", cwd=tmp_path)
    lines = [line.lower() for line in said.splitlines()]
    assert not [line for line in lines if "warning" in line or "error" in line], said
    heard(tmp_path / "out.wav", piece())


@PIECES
def test_timidity_renders_without_a_warning(piece, tmp_path: Path) -> None:
    """It names the format, the tracks and the markers, and loses no note."""
    program, sounds = needed("timidity"), font()
    score = exported(piece())
    (tmp_path / "in.mid").write_bytes(midi_bytes(score, texts=TEXTS))
    (tmp_path / "own.cfg").write_text(f"soundfont {sounds}\n")
    said = run(
        program, "-c", "own.cfg", "-s", "22050", "-Ow", "-o", "out.wav", "in.mid", cwd=tmp_path
    )
    tracks = len(score.tracks) + 1
    assert f"Format: 1  Tracks: {tracks}  Divisions: 480" in said
    assert [line for line in said.splitlines() if line.startswith("Track name:")] == [
        f"Track name: {track.name}" for track in score.tracks
    ]
    assert "Notes lost totally: 0" in said
    for bad in ("warning", "error", "no instrument", "unknown"):
        assert bad not in said.lower(), said
    heard(tmp_path / "out.wav", score)
