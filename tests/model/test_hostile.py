"""Checkpoints made to do harm: each is refused with its reason, before memory is spent on it."""

import hashlib
import json
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from musegen.errors import CheckpointError
from musegen.model.checkpoint import load_checkpoint, save_checkpoint
from musegen.model.header import check_header
from musegen.model.stored import WEIGHTS, read_checkpoint
from tests.model.tiny import tiny_model

MEGABYTE = 1 << 20
HARMLESS_CODE = b"\x80\x04c__builtin__\nprint\n(S'run'\ntR."


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A checkpoint folder of the tiny model."""
    folder = tmp_path / "small"
    save_checkpoint(folder, tiny_model(), ("folk",), "# small\n")
    return folder


def put(folder: Path, content: bytes) -> None:
    """These bytes are the weights, under a hash that fits them."""
    (folder / WEIGHTS).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change(folder, "config.json", lambda config: config.update(weights_sha256=digest))


def change(folder: Path, name: str, how: Callable[[dict[str, Any]], object]) -> None:
    """One JSON file, changed in place."""
    entries = json.loads((folder / name).read_text())
    how(entries)
    (folder / name).write_text(json.dumps(entries))


def headed(
    header: dict[str, Any] | bytes, weights: bytes = b"", length: int | None = None
) -> bytes:
    """A file of safetensors with this header, however wrong it is."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + weights


def tensor(shape: list[int], end: int = 8, dtype: str = "BF16") -> dict[str, Any]:
    """What a header says of one tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}


def with_tensor(name: str, told: dict[str, Any]) -> Callable[[Path], None]:
    """Weights whose header names one tensor more, or tells one differently."""

    def harm(folder: Path) -> None:
        content = (folder / WEIGHTS).read_bytes()
        length = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8 : 8 + length])
        header[name] = told
        put(folder, headed(header, content[8 + length :]))

    return harm


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pickle": (lambda f: put(f, HARMLESS_CODE), "is a Python pickle, not safetensors"),
    "an old pickle": (lambda f: put(f, b"\x80\x02cos\nsystem\n."), "is a Python pickle"),
    "what torch.save wrote": (lambda f: put(f, b"PK\x03\x04" + b"\0" * 99), "is a zip archive"),
    "a numpy array of objects": (lambda f: put(f, b"\x93NUMPY\x01\x00" * 9), "is a numpy array"),
    "a pickle behind a header": (
        lambda f: put(f, headed(HARMLESS_CODE)), "it has no such header",
    ),
    "a header of 100 MB": (
        lambda f: put(f, headed(b"{" + b" " * (100 * MEGABYTE))), "larger than the model",
    ),
    "a header that promises 2**63 bytes": (
        lambda f: put(f, headed(b"{}", length=2**63)), "it has no such header",
    ),
    "a header longer than the file": (
        lambda f: put(f, headed(b"{}", length=1000)), "it has no such header",
    ),
    "no header at all": (lambda f: put(f, b""), "it has no such header"),
    "a header that is no JSON": (lambda f: put(f, headed(b"{rubbish}")), "cannot be read"),
    "endless nesting": (lambda f: put(f, headed(b'{"a":' * 9_999)), "cannot be read"),
    "shapes whose product overflows": (
        with_tensor("norm.weight", tensor([2**32, 2**32, 2])), "cannot be read|does not hold",
    ),
    "a shape below zero": (with_tensor("norm.weight", tensor([-4])), "cannot be read"),
    "offsets beyond the end": (with_tensor("norm.weight", tensor([32], 2**60)), "cannot be read"),
    "two tensors in one place": (with_tensor("again", tensor([4])), "cannot be read|does not hold"),
    "a path that climbs out": (
        with_tensor("../../../../etc/cron.d/x", tensor([0], 0)), "does not hold|cannot be read",
    ),
    "numbers of another kind": (
        with_tensor("norm.weight", tensor([32], 64, "I16")), "cannot be read|stored as",
    ),
    "10^9 layers": (
        lambda f: change(f, "config.json", lambda c: c["model"].update(layers=10**9)), "refused",
    ),
    "a width that overflows": (
        lambda f: change(f, "config.json", lambda c: c["model"].update(width=2**62)), "refused",
    ),
    "10^9 layers of width 4": (
        lambda f: change(
            f, "config.json", lambda c: c["model"].update(layers=10**8, width=4, heads=1, hidden=1)
        ),
        "refused",
    ),
    "10^7 layers, hardly any weights": (
        lambda f: change(
            f, "config.json", lambda c: c["model"].update(layers=10**7, width=4, heads=1, hidden=1)
        ),
        "asks for 10,000,000 layers; refused",
    ),
    "another vocabulary": (
        lambda f: change(f, "vocabulary.json", lambda v: v.update(fingerprint="0" * 16)),
        "fingerprint '0000000000000000'",
    ),
    "a genre that is a path": (
        lambda f: change(f, "labels.json", lambda v: v.update(genres=["../../etc"])), "",
    ),
    "config.json of 20 MB": (
        lambda f: (f / "config.json").write_bytes(b'{"a": "' + b"x" * 20 * MEGABYTE + b'"}'),
        "is larger than 16,777,216 bytes",
    ),
    "NaN for a size": (
        lambda f: change(
            f, "config.json", lambda c: c["model"].update(time_share=float("nan"))
        ),
        "time_share nan must be between",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", [name for name in HOSTILE if HOSTILE[name][1]])
@pytest.mark.parametrize("read", [read_checkpoint, load_checkpoint])
def test_harm_is_refused(
    saved: Path, capsys: pytest.CaptureFixture[str], what: str, read: Callable[[Path], object]
) -> None:
    """A hostile checkpoint is one line that names the file; nothing runs, little is read."""
    harm, message = HOSTILE[what]
    harm(saved)
    before = {path: path.stat().st_mtime_ns for path in saved.parent.rglob("*")}
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=message) as caught:
            read(saved)
        spent = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(saved) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert spent < 8 * MEGABYTE
    assert capsys.readouterr().out == ""
    assert {path: path.stat().st_mtime_ns for path in saved.parent.rglob("*")} == before


def test_a_long_header_in_a_file_that_may_be_long(tmp_path: Path) -> None:
    """Where the model is large enough for the file, the header is still no place to hide."""
    path = tmp_path / "weights"
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", 100 * MEGABYTE) + b"{")
        file.truncate(200 * MEGABYTE)
    with pytest.raises(CheckpointError, match="has a header of 104,857,600 bytes"):
        check_header(path)


def test_a_genre_is_a_word_and_never_a_path(saved: Path) -> None:
    """Labels are shown and compared, and name no file: one that looks like a path harms nothing."""
    HOSTILE["a genre that is a path"][0](saved)
    assert load_checkpoint(saved).genres == ("../../etc",)


def test_sound_weights_pass(saved: Path) -> None:
    """What musegen writes is let through, with a header that happens to begin as a pickle does."""
    check_header(saved / WEIGHTS)
    header = b"{" + b" " * (0x0480 - 3) + b"}"  # its length is written as b"\x80\x04"
    (saved / "odd").write_bytes(headed(header.ljust(0x0480, b" "))[: 8 + 0x0480])
    check_header(saved / "odd")
