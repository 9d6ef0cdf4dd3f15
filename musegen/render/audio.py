"""Sound: the bytes of a MIDI file go in, a WAV file comes out, 16 bits, stereo, never clipped.

Three routes, the best that is installed: fluidsynth, midirenderer, pretty_midi's sine waves. The
first two play a sound font, by default the one in pretty_midi's wheel. Knows no model.
"""

import shutil
import wave
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from musegen.errors import OutputError
from musegen.files import write_whole
from musegen.music.read import read_midi
from musegen.music.timing import length_s
from musegen.render.routes import RouteFailed, made_by

Samples = NDArray[np.float32]  # (N, 2): left, right

RATE = 44_100
PEAK = 0.89
"""The loudest sample of every recording, about 1 dB below what a file can hold."""

FADE_IN_S, FADE_OUT_S = 0.003, 0.4
SILENCE = 0.001
"""What is softer than this share of the peak after the last sound is cut off."""

LONGEST_S = 3600
FLUIDSYNTH_GAIN = 0.5
FLUIDSYNTH_LIMIT_S = 600


@dataclass(frozen=True)
class Recording:
    """A WAV file: where it lies, which route made it, how long it is, and why others did not."""

    path: Path
    route: str
    length_s: float
    passed_over: tuple[str, ...] = ()


def render_wav(
    midi: bytes, path: str | Path, *, soundfont: str | Path | None = None, force: bool = False
) -> Recording:
    """The piece lies as sound at `path`; `route` of what is returned says what played it."""
    path = Path(path)
    score = read_midi(midi)
    if length_s(score) > LONGEST_S:
        raise OutputError(
            f"{path}: the piece lasts {length_s(score) / 60:.0f} minutes; "
            f"recordings of at most {LONGEST_S // 60} are made"
        )
    font = _soundfont(soundfont)
    passed_over: list[str] = []
    for name, play in ROUTES.items():
        try:
            samples, rate = play(midi, font)
            if not np.any(samples):
                raise RouteFailed("gave nothing but silence")
        except RouteFailed as reason:
            passed_over.append(f"{name}: {reason}")
            continue
        finished = finish(samples, rate)
        write_whole(path, wav_bytes(finished, rate), force=force)
        return Recording(path, name, len(finished) / rate, tuple(passed_over))
    raise OutputError(f"{path}: no sound could be made ({'; '.join(passed_over)})")


def finish(samples: Samples, rate: int) -> Samples:
    """The recording with silence cut off its end, faded in and out, and its peak at `PEAK`."""
    loudness = np.abs(samples).max(axis=1)
    peak = float(loudness.max())
    heard = np.flatnonzero(loudness > SILENCE * peak)
    samples = samples[: int(heard[-1]) + 1] * np.float32(PEAK / peak)
    fade_in = min(len(samples), int(FADE_IN_S * rate))
    fade_out = min(len(samples), int(FADE_OUT_S * rate))
    samples[:fade_in] *= _slope(fade_in)[:, None]
    samples[len(samples) - fade_out :] *= _slope(fade_out)[::-1, None]
    return samples


def _slope(length: int) -> Samples:
    """From 0 to 1 along half a cosine, `length` samples long."""
    return (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, length))).astype(np.float32)


def wav_bytes(samples: Samples, rate: int) -> bytes:
    """`samples` as a WAV file of 16 bits."""
    target = BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
    return target.getvalue()


def _soundfont(asked: str | Path | None) -> Path | None:
    """The sound font to play: the one asked for, else pretty_midi's, else None."""
    if asked is None:
        spec = find_spec("pretty_midi")
        folders = spec.submodule_search_locations if spec else None
        found = [Path(folder) / "TimGM6mb.sf2" for folder in folders or ()]
        return next((font for font in found if font.is_file()), None)
    font = Path(asked)
    try:
        with font.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise OutputError(f"sound font {font} cannot be read: {error.strerror}") from error
    if head[:4] != b"RIFF" or head[8:12] != b"sfbk":
        raise OutputError(f"{font} is not a sound font (.sf2 or .sf3)")
    return font


def _by_fluidsynth(midi: bytes, font: Path | None) -> tuple[Samples, int]:
    binary = shutil.which("fluidsynth")
    if binary is None:
        raise RouteFailed("not installed")
    if font is None:
        raise RouteFailed("no sound font")
    with TemporaryDirectory(prefix="musegen-") as folder:
        source, target = Path(folder, "piece.mid"), Path(folder, "piece.raw")
        source.write_bytes(midi)
        command = [binary, "-ni", "-q", "-r", str(RATE), "-g", str(FLUIDSYNTH_GAIN)]
        command += ["-T", "raw", "-O", "float", "-E", "little", "-F", str(target)]
        command += [str(font.resolve()), str(source)]
        raw = made_by(command, target, FLUIDSYNTH_LIMIT_S)
    return np.frombuffer(raw, dtype="<f4").reshape(-1, 2).astype(np.float32), RATE


def _by_midirenderer(midi: bytes, font: Path | None) -> tuple[Samples, int]:
    try:
        from midirenderer import render_wave_from
    except ImportError:
        raise RouteFailed("not installed; pip install 'musegen[audio]' brings it") from None
    if font is None:
        raise RouteFailed("no sound font")
    try:
        rendered = bytes(render_wave_from(font.read_bytes(), midi))
    except (OSError, RuntimeError) as error:
        raise RouteFailed(str(error)) from error
    with wave.open(BytesIO(rendered)) as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        samples = frames.reshape(-1, file.getnchannels())[:, :2] / np.float32(32768)
        return samples.astype(np.float32), file.getframerate()


def _by_sine_waves(midi: bytes, font: Path | None) -> tuple[Samples, int]:
    from pretty_midi import PrettyMIDI

    try:
        mono = PrettyMIDI(BytesIO(midi)).synthesize(fs=RATE)
    except (OSError, ValueError, LookupError, EOFError) as error:
        raise RouteFailed(str(error)) from error
    return np.repeat(np.asarray(mono, dtype=np.float32)[:, None], 2, axis=1), RATE


ROUTES: dict[str, Callable[[bytes, Path | None], tuple[Samples, int]]] = {
    "fluidsynth": _by_fluidsynth,
    "midirenderer": _by_midirenderer,
    "sine waves": _by_sine_waves,
}
"""Every way to make sound, the best first."""
