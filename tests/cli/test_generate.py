"""`musegen generate`: from words to MIDI files, and one clear line where that cannot be."""

import errno
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from musegen.cli.generate import command as generate
from musegen.model.sampling import Sampling
from musegen.music.read import read_midi
from musegen.music.timing import bar_lines
from tests.cli.conftest import Run, complaint

ROOT = Path(__file__).parents[2]
SHORT = ("--bars", 1, "--meter", "2/4", "--instruments", "piano,drums", "--seed", 4)


def test_a_piece_as_it_was_asked_for(run: Run, here: Path, checkpoint: Path) -> None:
    """Bars, meter, tempo and instruments of the file are those of the command line."""
    result = run(
        "generate", "--checkpoint", checkpoint, "--bars", 3, "--meter", "6/8", "--tempo", 97,
        "--instruments", "flute, cello", "--genre", "folk", "--mood", "happy", "--key", "Dm",
        "--seed", 1, "-o", "tune.mid",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stdout == "tune.mid\n"
    assert [path.name for path in here.iterdir()] == ["tune.mid"]
    score = read_midi(here / "tune.mid")
    assert len(bar_lines(score)) - 1 == 3
    assert [meter[1:] for meter in score.meters] == [(6, 8)]
    assert [round(tempo.bpm) for tempo in score.tempos] == [97]
    assert sorted(track.program for track in score.tracks) == [42, 73]
    assert [(key.tonic, key.mode) for key in score.keys] == [(2, "minor")]


def test_variations(run: Run, here: Path, checkpoint: Path) -> None:
    """--count writes that many files, all different; the same seed writes the same ones again."""
    words = ("generate", "--checkpoint", checkpoint, *SHORT, "--count", 2, "-o")
    assert run(*words, "a.mid").stdout == "a-1.mid\na-2.mid\n"
    assert run(*words, "b").stdout == "b-1.mid\nb-2.mid\n"
    contents = {name: (here / f"{name}.mid").read_bytes() for name in ("a-1", "a-2", "b-1", "b-2")}
    assert contents["a-1"] == contents["b-1"] != contents["a-2"] == contents["b-2"]
    for workers in (1, 2):
        assert run(*words, "c.mid", "--workers", workers, "--force").exit_code == 0
        assert (here / "c-2.mid").read_bytes() == contents["a-2"]
    refused = run(*words, "d.mid", "--workers", -2)
    assert refused.exit_code == 1
    assert (
        refused.stderr == "error: workers -2 is negative; 0 or 1 composes in this process alone\n"
    )


def test_a_name_is_found_if_none_is_given(run: Run, here: Path, checkpoint: Path) -> None:
    """Without -o the file bears the seed, which is chosen where it is left out, too."""
    words = ("generate", "--checkpoint", checkpoint, *SHORT)
    assert run(*words).stdout == "musegen-4.mid\n"
    assert run(*words[:-2]).exit_code == 0
    assert len(list(here.glob("musegen-*.mid"))) == 2


@pytest.mark.slow
def test_picture_and_sound(run: Run, here: Path, checkpoint: Path) -> None:
    """--png and --wav lie beside the file, and are named."""
    result = run(
        "generate",
        "--checkpoint",
        checkpoint,
        *SHORT,
        "-o",
        "tune.mid",
        "--png",
        "--wav",
        "--quiet",
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == ["tune.mid", "tune.png", "tune.wav"]
    assert (here / "tune.png").read_bytes().startswith(b"\x89PNG")
    assert (here / "tune.wav").read_bytes().startswith(b"RIFF")


IMPOSSIBLE = [
    (["--genre", "fok"], "unknown genre 'fok'; did you mean folk? Known: folk, jazz"),
    (["--mood", "hapy"], "unknown mood 'hapy'; did you mean happy"),
    (["--mood", "happy", "--valence", "0.5"], "give a mood by name, or --valence and --arousal"),
    (["--valence", "2"], "valence 2 is out of range: allowed is -1 to 1"),
    (["--arousal", "nan"], "arousal nan is out of range"),
    (["--bars", "0"], "bars 0 is out of range: allowed is 1 to 512"),
    (["--bars", "-3"], "bars -3 is out of range"),
    (["--bars", "100000"], "bars 100000 is out of range"),
    (["--meter", "5/0"], "meter 5/0 cannot be used: the lower number must be 1, 2, 4, 8, 16 or 32"),
    (["--meter", "waltz"], "meter 'waltz' is not understood: write it like 4/4"),
    (["--tempo", "9999"], "tempo 9999 is out of range: allowed is 16 to 300"),
    (["--key", "H"], "key 'H' is not understood"),
    (["--instruments", "kazoo of doom"], "unknown instrument 'kazoo of doom'"),
    (["--instruments", "200"], "there is no program 200: General MIDI has 0 to 127"),
    (["--instruments", "piano,,bass"], "an instrument's name is empty"),
    (["--instruments", "piano", "--drums"], "drums were asked for, but the instruments hold none"),
    (["--instruments", "drums", "--no-drums"], "no drums were asked for, but the instruments"),
    (["--instruments", ",".join(["piano"] * 17)], "17 tracks were asked for"),
    (["--instruments", "drums,drums"], "at most one drum track"),
    (["--density", "-1"], "density -1 is out of range"),
    (["--loudness", "500"], "loudness 500 is out of range: allowed is 0 to 127"),
    (["--temperature", "-1"], "temperature -1 is out of range: allowed is 0 to 10"),
    (["--top-p", "0"], "top-p 0 is out of range"),
    (["--top-k", "-5"], "top-k -5 is out of range"),
    (["--min-p", "nan"], "min-p nan is out of range"),
    (["--count", "0"], "count 0 is too small: at least one piece"),
    (["--seed", "-1"], "seed -1 is negative"),
    (["-o", "nowhere/tune.mid"], "the folder nowhere does not exist; make it first"),
    (["-o", "."], "is a folder; name a file"),
    (["-o", ".."], "is a folder; name a file"),
    (["-o", "a" * 300], "File name too long"),
]


@pytest.mark.parametrize(("words", "message"), IMPOSSIBLE, ids=lambda part: str(part)[:40])
def test_impossible_wishes(
    run: Run, here: Path, checkpoint: Path, words: list[str], message: str
) -> None:
    """A wish that cannot be is one line that says what is allowed; nothing is written."""
    assert message in complaint(run("generate", "--checkpoint", checkpoint, *words))
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("existing", ["tune.mid", "tune-2.mid", "tune.png"])
def test_nothing_is_overwritten(run: Run, here: Path, checkpoint: Path, existing: str) -> None:
    """A file that is there stays, nothing is written beside it; --force replaces it."""
    (here / existing).write_bytes(b"precious")
    words = ["generate", "--checkpoint", checkpoint, *SHORT, "-o", "tune.mid"]
    words += ["--count", 2] if "2" in existing else []
    words += ["--png"] if "png" in existing else []
    assert f"{existing} exists already" in complaint(run(*words))
    assert [path.name for path in here.iterdir()] == [existing]
    assert (here / existing).read_bytes() == b"precious"
    assert run(*words, "--force").exit_code == 0
    assert (here / existing).read_bytes() != b"precious"


def test_no_checkpoint(run: Run, here: Path) -> None:
    """Where there is no checkpoint the message says how to get one."""
    assert "train one: musegen train" in complaint(run("generate", "--checkpoint", "none"))
    assert list(here.iterdir()) == []


def test_a_checkpoint_of_another_table(run: Run, here: Path, checkpoint: Path) -> None:
    """A checkpoint whose rows meant something else is refused, and what to do is said."""
    shutil.copytree(checkpoint, here / "old")
    path = here / "old" / "vocabulary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "fingerprint": "0" * 16}))
    said = complaint(run("generate", "--checkpoint", "old", "-o", "tune.mid"))
    assert "fingerprint '0000000000000000'" in said
    assert "train again" in said
    assert not (here / "tune.mid").exists()


def test_a_full_disk(
    run: Run, here: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full nothing half-written is left."""

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    words = ("generate", "--checkpoint", checkpoint, *SHORT, "-o", "tune.mid", "--quiet")
    said = complaint(run(*words))
    assert said == "tune.mid: cannot be written (No space left on device)"
    assert list(here.iterdir()) == []


WITHOUT_TORCH = """
import runpy, sys
sys.modules["torch"] = None
sys.argv = ["musegen", *{words!r}]
runpy.run_module("musegen", run_name="__main__")
"""


def without_torch(here: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """The command in a new interpreter for which torch is not installed, and nothing is cached."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH.format(words=[*map(str, words)])],
        capture_output=True, text=True, cwd=here, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MUSEGEN_CACHE": os.devnull},
    )  # fmt: skip


def test_composing_needs_no_torch(here: Path, checkpoint: Path) -> None:
    """Where torch is not installed, and no cache can be written, a piece is composed as ever."""
    done = without_torch(here, "generate", "--checkpoint", checkpoint, *SHORT, "-o", "tune.mid")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "tune.mid\n"
    assert read_midi(here / "tune.mid").note_count


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("train", ".", "--out", "mine"), "training"),
        (("evaluate", "mine", "--prepared", "mine.prepared"), "judging a checkpoint"),
        (("generate", "--device", "cuda"), "--device cuda"),
    ],
)
def test_what_needs_torch_says_so(here: Path, words: tuple[str, ...], what: str) -> None:
    """Without torch, what needs it names the extra to install, and writes nothing."""
    done = without_torch(here, *words)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {what} needs PyTorch, which is not installed: pip install 'musegen[train]'\n"
    )
    assert list(here.iterdir()) == []


@pytest.mark.slow
def test_the_script(checkpoint: Path, tmp_path: Path) -> None:
    """generate.py is the same command: it composes, and its errors are one line."""
    command = [sys.executable, ROOT / "generate.py", "--checkpoint", checkpoint, "-o", "tune.mid"]
    for words, code in ((SHORT, 0), ((*SHORT, "--tempo", 9999, "--force"), 1)):
        done = subprocess.run(
            [*map(str, [*command, *words])],
            capture_output=True, text=True, cwd=tmp_path, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT), "MUSEGEN_CACHE": os.devnull},
        )  # fmt: skip
        assert done.returncode == code, done.stderr
    assert done.stderr == "error: tempo 9999 is out of range: allowed is 16 to 300\n"
    assert (tmp_path / "tune.mid").stat().st_size > 0


def test_defaults_are_those_of_the_library() -> None:
    """The command and `Sampling()` mean the same by "not said"."""
    said = {option.name: option.default for option in generate.params}
    assert {name: said[name] for name in asdict(Sampling())} == asdict(Sampling())
