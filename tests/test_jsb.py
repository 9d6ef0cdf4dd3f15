"""The chorale benchmark counts what it says: every pitch once, from what came before alone."""

import io
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from musegen.model.config import ModelConfig
from musegen.model.loss import row_loss
from musegen.model.transformer import MusicModel

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import jsb  # benchmarks are scripts, not a package
from _chorales import SHIFTS, SILENT, VOICES, homeward, moved, read_splits, rows_of, values_of


def chorale(steps: int, seed: int = 0) -> Any:
    """Four voices, a rest here and there."""
    chance = np.random.default_rng(seed)
    pitches = np.array([72.0, 67.0, 60.0, 48.0]) + chance.integers(-5, 6, (steps, 4))
    pitches[chance.random((steps, 4)) < 0.1] = np.nan
    return values_of(pitches)


def model() -> MusicModel:
    """Random weights, the gates and links open."""
    torch.manual_seed(0)
    config = ModelConfig(layers=2, width=32, heads=2, hidden=64, context=256, field_width=32)
    made: MusicModel = jsb.Chorales(config, unseen=0.5).eval()
    with torch.no_grad():
        for table in made.near:
            table.normal_(std=0.1)
        made.seen.weight.normal_(std=0.1)
        for gate in made.decoder.gates.values():
            gate.normal_(std=0.5)
    return made


@torch.no_grad()
def test_a_step_is_foretold_from_what_came_before() -> None:
    """The first 21 steps cost the same whatever follows them, and each has four pitches."""
    piece, judge = chorale(40), model()
    rows, times, links, scored = rows_of([piece])
    scored[:, 1 + 4 * 21 :] = False
    inside = row_loss(judge, rows, times, links, scored)
    alone = row_loss(judge, *rows_of([piece[:21]]))
    for name, nats in alone.nats.items():
        if "." in name:
            assert float(inside.nats[name]) == pytest.approx(float(nats), rel=1e-5)
    assert sum(n for name, n in alone.counts.items() if "." in name) == 4 * 21


@torch.no_grad()
def test_a_voice_is_foretold_from_those_above_alone() -> None:
    """Another bass, and another tenor: what is drawn before them costs the same."""
    piece, judge = chorale(12), model()
    for lean in judge.decoder.leans.values():
        torch.nn.init.normal_(lean.weight, std=0.3)
    rows, times, links, scored = rows_of([piece])
    scored[:, :-4] = False  # the last step alone is foretold
    names = [f"{voice.upper()}4.pitch" for voice in VOICES]
    before = row_loss(judge, rows, times, links, scored).nats
    assert set(before) == {"kind", *names}
    for voice in (3, 2):
        rows[:, voice - 4, 1] += 5
        after = row_loss(judge, rows, times, links, scored).nats
        for above in names[:voice]:
            assert float(after[above]) == pytest.approx(float(before[above]), rel=1e-6)
        assert float(after[names[voice]]) != pytest.approx(float(before[names[voice]]), rel=1e-3)


def test_sums_over_all_pitches() -> None:
    """A split's figure is its pieces' nats over its pitches: longer pieces count for more."""
    pieces, judge = [chorale(12, 1), chorale(40, 2)], model()
    one, other = (jsb.judged(judge, [piece])["all"] for piece in pieces)
    both = jsb.judged(judge, pieces)
    assert both["all"] == pytest.approx((12 * one + 40 * other) / 52, rel=1e-5)
    assert both["all"] == pytest.approx(np.mean([both[voice] for voice in VOICES]), rel=1e-5)


def test_no_key_is_told() -> None:
    """The mean over transpositions costs at most log 13 a piece more than any of them, at no gain
    beyond the best.
    """
    piece, judge = chorale(16, 3), model()
    each = [jsb.judged(judge, [moved(piece, shift)])["all"] * 64 for shift in SHIFTS]
    mixed = jsb.mixed(judge, [piece]) * 64
    assert min(each) < mixed < min(each) + np.log(13)
    assert mixed == pytest.approx(np.log(13) - np.logaddexp.reduce(-np.array(each)), rel=1e-5)


@pytest.mark.parametrize("semitones", [-4, 0, 5])
def test_home_is_home_from_everywhere(semitones: int) -> None:
    """A C major scale and chord, moved anywhere, comes home to the same place."""
    scale = np.tile([60, 62, 64, 65, 67, 69, 71, 72, 60, 64, 67, 72], 2)
    home = values_of(np.stack([scale + 12, scale, scale, scale - 12], axis=1).astype(float))
    away = moved(home, semitones)
    assert (homeward(away) + semitones) % 12 == 0


class Bomb:
    """Unpickling it calls something."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (print, ("boom",))


def test_arrays_and_nothing_else_are_unpickled(tmp_path: Path) -> None:
    """The published file's format is read; anything else in it is refused before it is called."""
    pieces = [np.array([[72, 67, 60, np.nan]] * 4), np.array([[70, 66, 61, 50.0]] * 8)]
    file = tmp_path / "pieces.npz"
    whole = np.empty(2, dtype=object)
    whole[:] = pieces
    np.savez(file, train=whole, valid=whole, test=whole)
    splits = read_splits(file)
    assert [len(piece) for piece in splits["test"]] == [4, 8]
    assert splits["train"][0][0].tolist() == [72 - 19, 67 - 19, 60 - 19, SILENT]

    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "|O", "fortran_order": False, "shape": (1,)}
    )
    pickle.dump(Bomb(), stream)
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as archive:
        for name in ("train", "valid", "test"):
            archive.writestr(f"{name}.npy", stream.getvalue())
    with pytest.raises(ValueError, match="print: refused"):
        read_splits(tmp_path / "bad.npz")
