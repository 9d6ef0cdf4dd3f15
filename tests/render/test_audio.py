"""A piece becomes a WAV file by whatever route is installed, as loud as it may be and no louder."""

import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
from numpy.typing import NDArray

from musegen.errors import MidiError, OutputError
from musegen.render import audio


@pytest.fixture(scope="module")
def midi(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two seconds of music: a scale."""
    track = mido.MidiTrack([mido.Message("program_change", program=24)])
    for pitch in (60, 62, 64, 65):
        track.append(mido.Message("note_on", note=pitch, velocity=90))
        track.append(mido.Message("note_off", note=pitch, velocity=64, time=480))
    path = tmp_path_factory.mktemp("midi") / "scale.mid"
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save(path)
    return path.read_bytes()


def samples_of(path: Path) -> tuple[NDArray[np.int16], int]:
    """The samples (N, 2) and the rate of a WAV file."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (2, 2)
        frames = file.readframes(file.getnframes())
        return np.frombuffer(frames, dtype="<i2").reshape(-1, 2), file.getframerate()


def only(monkeypatch: pytest.MonkeyPatch, route: str) -> None:
    """Leaves a single way to make sound."""
    monkeypatch.setattr(audio, "ROUTES", {route: audio.ROUTES[route]})


@pytest.mark.parametrize("route", list(audio.ROUTES))
def test_each_route_makes_sound(
    route: str, midi: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scale sounds for its two seconds, peaks just below full scale, and fades at both ends."""
    if route == "fluidsynth" and shutil.which("fluidsynth") is None:
        pytest.skip("fluidsynth is not installed")
    if route == "midirenderer":
        pytest.importorskip("midirenderer")
    only(monkeypatch, route)
    made = audio.render_wav(midi, tmp_path / "scale.wav")
    samples, rate = samples_of(made.path)
    assert made.route == route
    assert made.length_s == pytest.approx(len(samples) / rate)
    assert 1.9 < made.length_s < 8
    assert abs(int(np.abs(samples.astype(int)).max()) - audio.PEAK * 32767) < 200
    assert np.abs(samples[[0, -1]].astype(int)).max() < 40
    assert samples[: 2 * rate].std() > 500


def test_the_next_route_steps_in(
    midi: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the better routes cannot be had, sine waves sound, and the reasons are given."""
    real = audio.ROUTES

    def broken(midi: bytes, font: Path | None) -> tuple[audio.Samples, int]:
        raise audio.RouteFailed("not installed")

    def silent(midi: bytes, font: Path | None) -> tuple[audio.Samples, int]:
        return np.zeros((100, 2), dtype=np.float32), 44_100

    routes: dict[str, Callable[[bytes, Path | None], tuple[audio.Samples, int]]] = {
        "fluidsynth": broken,
        "midirenderer": silent,
        "sine waves": real["sine waves"],
    }
    monkeypatch.setattr(audio, "ROUTES", routes)
    made = audio.render_wav(midi, tmp_path / "scale.wav")
    assert made.route == "sine waves"
    assert made.passed_over == (
        "fluidsynth: not installed",
        "midirenderer: gave nothing but silence",
    )


def test_no_route_is_an_error(midi: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any way to make sound the error says why for each, and nothing is written."""

    def broken(midi: bytes, font: Path | None) -> tuple[audio.Samples, int]:
        raise audio.RouteFailed("out of order")

    monkeypatch.setattr(audio, "ROUTES", {"fluidsynth": broken})
    with pytest.raises(OutputError, match="fluidsynth: out of order"):
        audio.render_wav(midi, tmp_path / "scale.wav")
    assert not list(tmp_path.iterdir())


def test_a_failing_fluidsynth_is_passed_over(
    midi: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fluidsynth that ends with an error is a reason, not a crash."""
    fake = tmp_path / "fluidsynth"
    fake.write_text("#!/bin/sh\necho 'no such option' >&2\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    made = audio.render_wav(midi, tmp_path / "scale.wav")
    assert made.route != "fluidsynth"
    assert made.passed_over[0] == "fluidsynth: no such option"


def test_a_sound_font_of_ones_own(midi: bytes, tmp_path: Path) -> None:
    """What is not a sound font, or is not there, is an error that names it."""
    fake = tmp_path / "piano.sf2"
    fake.write_bytes(b"RIFF but not really")
    with pytest.raises(OutputError, match=r"piano\.sf2 is not a sound font"):
        audio.render_wav(midi, tmp_path / "scale.wav", soundfont=fake)
    with pytest.raises(OutputError, match=r"missing\.sf2 cannot be read"):
        audio.render_wav(midi, tmp_path / "scale.wav", soundfont=tmp_path / "missing.sf2")


def test_broken_midi_is_an_error(tmp_path: Path) -> None:
    """Bytes that are no MIDI file are refused before anything plays."""
    with pytest.raises(MidiError):
        audio.render_wav(b"no music", tmp_path / "x.wav")


def test_silence_is_an_error(tmp_path: Path) -> None:
    """A piece without notes has no recording."""
    empty = tmp_path / "empty.mid"
    mido.MidiFile(tracks=[mido.MidiTrack()]).save(empty)
    with pytest.raises(MidiError):
        audio.render_wav(empty.read_bytes(), tmp_path / "x.wav")


def test_hours_are_an_error(tmp_path: Path) -> None:
    """A piece of many hours is refused instead of filling the memory."""
    track = mido.MidiTrack([mido.Message("note_on", note=60, velocity=90)])
    track.append(mido.Message("note_off", note=60, time=480 * 2 * 3600 * 3))
    path = tmp_path / "long.mid"
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save(path)
    with pytest.raises(OutputError, match="180 minutes"):
        audio.render_wav(path.read_bytes(), tmp_path / "x.wav")


def test_nothing_is_overwritten(midi: bytes, tmp_path: Path) -> None:
    """An existing recording is only replaced with force."""
    path = tmp_path / "scale.wav"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="--force"):
        audio.render_wav(midi, path)
    assert path.read_bytes() == b"mine"
    assert audio.render_wav(midi, path, force=True).length_s > 1


def test_finish_never_clips() -> None:
    """However loud or soft, the peak is the same, and silence at the end is cut off."""
    rng = np.random.default_rng(1)
    for gain in (1e-4, 1.0, 50.0):
        noise = (gain * rng.normal(size=(4000, 2))).astype(np.float32)
        finished = audio.finish(np.concatenate([noise, np.zeros((9000, 2), np.float32)]), 1000)
        assert len(finished) <= 4000
        assert np.abs(finished).max() == pytest.approx(audio.PEAK, rel=0.05)
