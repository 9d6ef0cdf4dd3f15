"""Checkpoints: what is saved is loaded, and what is damaged is refused, whole and with words."""

import errno
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from musegen.errors import CheckpointError, OutputError
from musegen.model.checkpoint import load_checkpoint, save_checkpoint
from musegen.model.stored import WEIGHTS
from musegen.tokens.fields import fingerprint
from tests.model.tiny import TINY, tiny_model

GENRES = ("folk", "jazz")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A checkpoint folder of the tiny model."""
    folder = tmp_path / "small"
    save_checkpoint(folder, tiny_model(), GENRES, "# small\n", {"step": 7})
    return folder


def change_json(folder: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """One JSON file of the checkpoint, changed in place."""
    entries = json.loads((folder / name).read_text())
    change(entries)
    (folder / name).write_text(json.dumps(entries))


def test_round_trip(saved: Path) -> None:
    """Weights come back as bfloat16 holds them, labels in order, facts and card as they were."""
    loaded = load_checkpoint(saved)
    assert loaded.genres == GENRES
    assert loaded.facts == {"step": 7}
    assert loaded.model.config == TINY
    assert not loaded.model.training
    assert (saved / "README.md").read_text() == "# small\n"
    for (name, before), (same, after) in zip(
        tiny_model().named_parameters(), loaded.model.named_parameters(), strict=True
    ):
        assert name == same
        assert after.dtype == torch.float32
        assert torch.equal(before.to(torch.bfloat16).float(), after)


def test_saving_what_was_loaded_changes_nothing(saved: Path, tmp_path: Path) -> None:
    """Loaded and saved again, a checkpoint has the same bytes of weights and the same hash."""
    loaded = load_checkpoint(saved)
    again = tmp_path / "again"
    save_checkpoint(again, loaded.model, loaded.genres, "", loaded.facts)
    assert (again / WEIGHTS).read_bytes() == (saved / WEIGHTS).read_bytes()
    assert load_checkpoint(again).sha256 == loaded.sha256
    assert loaded.sha256 == hashlib.sha256((saved / WEIGHTS).read_bytes()).hexdigest()


def test_full_precision_can_be_kept(tmp_path: Path) -> None:
    """Saved in float32, weights come back exactly."""
    model = tiny_model()
    save_checkpoint(tmp_path / "c", model, (), "", dtype=torch.float32)
    loaded = load_checkpoint(tmp_path / "c")
    assert all(map(torch.equal, model.parameters(), loaded.model.parameters()))


def test_a_person_can_read_it(saved: Path) -> None:
    """All but the weights is text; the vocabulary names every kind and its fields."""
    assert {path.name for path in saved.iterdir()} == {
        WEIGHTS, "config.json", "vocabulary.json", "labels.json", "README.md",
    }  # fmt: skip
    vocabulary = json.loads((saved / "vocabulary.json").read_text())
    assert vocabulary["fingerprint"] == fingerprint()
    assert {kind["name"] for kind in vocabulary["kinds"]} >= {"NOTE", "BAR", "END"}
    assert vocabulary["fields"]["pitch"] == 256


def _weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    """Other weights under a hash that fits them: what a careless tool would leave."""

    def damage(folder: Path) -> None:
        weights = load_file(folder / WEIGHTS)
        change(weights)
        save_file(weights, folder / WEIGHTS)
        digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
        change_json(folder, "config.json", lambda config: config.update(weights_sha256=digest))

    return damage


def _config(**changes: object) -> Callable[[Path], None]:
    return lambda folder: change_json(folder, "config.json", lambda c: c.update(changes))


def _sizes(**changes: object) -> Callable[[Path], None]:
    return lambda folder: change_json(folder, "config.json", lambda c: c["model"].update(changes))


def _cut(folder: Path) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[:-10])


def _flip(folder: Path) -> None:
    whole = bytearray((folder / WEIGHTS).read_bytes())
    whole[-1] ^= 1
    (folder / WEIGHTS).write_bytes(whole)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda f: (f / "config.json").unlink(), "config.json cannot be read"),
    "no vocabulary": (lambda f: (f / "vocabulary.json").unlink(), "vocabulary.json cannot"),
    "no labels": (lambda f: (f / "labels.json").unlink(), "labels.json cannot be read"),
    "no weights": (lambda f: (f / WEIGHTS).unlink(), "model.safetensors is missing"),
    "not JSON": (lambda f: (f / "config.json").write_text("{"), "is not valid JSON"),
    "endless JSON": (lambda f: (f / "config.json").write_text("[" * 99_999), "not valid JSON"),
    "not text": (lambda f: (f / "config.json").write_bytes(b"\xff\xfe"), "cannot be read"),
    "a list": (lambda f: (f / "config.json").write_text("[]"), "must hold a JSON object"),
    "another schema": (_config(schema=99), "checkpoint schema 99, this version reads 2"),
    "another table": (
        lambda f: change_json(f, "vocabulary.json", lambda v: v.update(fingerprint="beef")),
        f"fingerprint 'beef', this musegen has '{fingerprint()}'; train again",
    ),
    "no genres": (
        lambda f: change_json(f, "labels.json", lambda v: v.update(genres=[1])),
        "must hold a list of names",
    ),
    "too many genres": (
        lambda f: change_json(f, "labels.json", lambda v: v.update(genres=[*map(str, range(65))])),
        "at most 64 genres",
    ),
    "a genre twice": (
        lambda f: change_json(f, "labels.json", lambda v: v.update(genres=["folk", "folk"])),
        "each once",
    ),
    "no sizes": (_config(model=None), "holds no 'model' sizes"),
    "a missing size": (
        lambda f: change_json(f, "config.json", lambda c: c["model"].pop("layers")),
        "not those of this version: layers",
    ),
    "an unknown size": (_sizes(experts=8), "not those of this version: experts"),
    "a size in words": (_sizes(layers="two"), "layers must be a whole number, not 'two'"),
    "half a layer": (_sizes(layers=2.5), "layers must be a whole number"),
    "a size that cannot be": (_sizes(heads=3), "multiple of four times"),
    "absurdly wide": (_sizes(width=2**20), "refused"),
    "absurdly deep": (_sizes(layers=10**9), "refused"),
    "absurdly long": (_sizes(context=10**9), "refused"),
    "absurdly wide fields": (_sizes(field_width=10**12), "refused"),
    "cut weights": (_cut, "is damaged: its SHA-256"),
    "one wrong bit": (_flip, "is damaged: its SHA-256"),
    "other sizes than the weights": (_sizes(hidden=32), "has shape|is damaged|larger"),
    "no hash": (_config(weights_sha256=None), "is damaged"),
    "not a number": (
        _weights(lambda w: w["norm.weight"].fill_(float("nan"))),
        "norm.weight holds numbers that are not finite",
    ),
    "infinite": (
        _weights(lambda w: w["norm.weight"].fill_(float("inf"))),
        "norm.weight holds numbers that are not finite",
    ),
    "a missing weight": (_weights(lambda w: w.pop("norm.weight")), "does not hold the weights"),
    "a weight too many": (
        _weights(lambda w: w.update(more=torch.zeros(1))), "does not hold the weights",
    ),
    "a weight of another shape": (
        _weights(lambda w: w.update({"norm.weight": torch.zeros(5)})), "norm.weight has shape",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_refused(saved: Path, what: str) -> None:
    """A damaged checkpoint is one clear error that names the file, before memory is spent."""
    damage, message = DAMAGE[what]
    damage(saved)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(saved)
    assert str(saved) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_huge_file_is_not_read(saved: Path) -> None:
    """Weights far larger than the model are refused by their size alone."""
    with open(saved / WEIGHTS, "ab") as file:
        file.truncate(10**10)
    with pytest.raises(CheckpointError, match="larger than the model"):
        load_checkpoint(saved)


def test_a_missing_folder_says_how_to_make_one(tmp_path: Path) -> None:
    """Where there is no checkpoint the message says how to train one."""
    with pytest.raises(CheckpointError, match="train one: musegen train FOLDER --out"):
        load_checkpoint(tmp_path / "nowhere")


@pytest.mark.parametrize("at", [WEIGHTS, "labels.json", "README.md"])
def test_a_full_disk_leaves_the_old_one(
    saved: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """When the disk fills up while saving, the checkpoint that was there is whole, and alone."""
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def full(write: Callable[..., int]) -> Callable[..., int]:
        def written(path: Path, *content: Any, **how: Any) -> int:
            if path.name == at:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            return write(path, *content, **how)

        return written

    monkeypatch.setattr(Path, "write_bytes", full(Path.write_bytes))
    monkeypatch.setattr(Path, "write_text", full(Path.write_text))
    with pytest.raises(OutputError, match="the disk is full"):
        save_checkpoint(saved, tiny_model(1), (), "# other\n")
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
    load_checkpoint(saved)


def test_it_is_not_overwritten_unasked(saved: Path) -> None:
    """Without force a checkpoint that exists stays."""
    with pytest.raises(OutputError, match="exists already"):
        save_checkpoint(saved, tiny_model(1), (), "", force=False)
    assert load_checkpoint(saved).genres == GENRES
