"""Settings: presets, TOML files and --set, read strictly."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from musegen.errors import SettingError
from musegen.training.settings import PRESETS, from_dict, run_settings


@pytest.mark.parametrize("preset", PRESETS)
def test_presets(preset: str) -> None:
    """Every preset can be taken as it is, and fits itself."""
    settings = run_settings(preset)
    assert settings == PRESETS[preset]
    assert settings.batches.max_rows <= settings.model.context
    assert from_dict(settings, settings.as_dict(), "itself") == settings


def test_single_settings() -> None:
    """--set changes one setting of one section, sections inside sections, too."""
    settings = run_settings(
        "tiny",
        changes={
            "model.layers": "6",
            "train.learning_rate": "1e-3",
            "train.precision": "bf16",
            "batches.augment.tempo": "0.2",
            "batches.source_weights": "pop909=2,mutopia=0.5",
        },
    )
    assert settings.model.layers == 6
    assert settings.train.learning_rate == 1e-3
    assert settings.train.precision == "bf16"
    assert settings.batches.augment.tempo == 0.2
    assert settings.batches.source_weights == {"pop909": 2.0, "mutopia": 0.5}
    assert settings.model.width == PRESETS["tiny"].model.width


def test_settings_that_fit_only_together() -> None:
    """Six heads do not fit the preset's width, but they do fit the width set beside them."""
    changes = {"model.heads": "6", "model.width": "384"}
    settings = run_settings("small", changes=changes)
    assert (settings.model.heads, settings.model.width) == (6, 384)
    backwards = dict(reversed(changes.items()))
    assert run_settings("small", changes=backwards) == settings


def test_a_file_of_settings(tmp_path: Path) -> None:
    """A TOML file changes the preset, and --set changes the file."""
    path = tmp_path / "run.toml"
    path.write_text(
        "[model]\nlayers = 3\n[train]\nsteps = 50\nminutes = 1.5\n[batches.source_weights]\na = 2\n"
    )
    settings = run_settings("tiny", path, {"train.steps": "60"})
    assert settings.model.layers == 3
    assert settings.train.steps == 60
    assert settings.train.minutes == 1.5
    assert settings.batches.source_weights == {"a": 2.0}


WRONG = [
    ({"model.layrs": "6"}, "--set: unknown setting 'layrs'; did you mean layers"),
    ({"modle.layers": "6"}, "unknown setting 'modle'; did you mean model"),
    ({"layers": "6"}, "--set layers: name a section and a setting, such as model.layers=6"),
    ({"model": "6"}, "--set model: name a section and a setting"),
    ({"model.layers.more": "6"}, "layers cannot be"),
    ({"model.layers": "6", "model.layers.more": "6"}, "layers is a setting and has none inside"),
    ({"model.layers": "six"}, "layers cannot be 'six': it must be of the kind of "),
    ({"model.layers": "2.5"}, "layers cannot be '2.5'"),
    ({"model.layers": ""}, "layers cannot be ''"),
    ({"model.layers": "0"}, "at least 1"),
    ({"model.heads": "7"}, "multiple of four times"),
    ({"train.steps": "0"}, "train.steps must be at least 1, not 0"),
    ({"train.minutes": "-1"}, "train.minutes must be a number that is not negative"),
    ({"train.minutes": "nan"}, "train.minutes"),
    ({"train.minutes": "inf"}, "train.minutes"),
    ({"train.decay": "2"}, "train.decay must be between 0 and 1"),
    ({"train.learning_rate": "0"}, "learning_rate 0.0 must be in"),
    ({"train.learning_rate": "nan"}, "learning_rate nan"),
    ({"train.clip": "0"}, "train.clip 0.0 must be more than 0"),
    ({"train.beta2": "1"}, "train.beta2 1.0 must be at least 0 and below 1"),
    ({"train.precision": "bf61"}, "unknown train.precision 'bf61'; did you mean bf16"),
    ({"batches.max_rows": "10"}, "max_rows is 10: it must be at least"),
    ({"batches.source_weights": "pop909"}, "source_weights cannot be 'pop909'"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_wrong_settings(changes: dict[str, str], message: str) -> None:
    """An unknown name lists near ones, a wrong value says what was wanted."""
    with pytest.raises(SettingError) as caught:
        run_settings("small", changes=changes)
    assert message in str(caught.value)


WRONG_FILES = [
    ("[model]\nlayrs = 3\n", "did you mean layers"),
    ("layers = 3\n", "unknown setting 'layers'"),
    ("model = 3\n", "model is a section of settings, not a value"),
    ("[model]\nlayers = true\n", "layers cannot be True"),
    ("[model]\nlayers = inf\n", "layers cannot be inf"),
    ("[train]\nlearning_rate = true\n", "learning_rate cannot be True"),
    ("[batches]\nsource_weights = 3\n", "source_weights cannot be 3"),
    ("[model\n", "is not valid TOML"),
]


@pytest.mark.parametrize(("text", "message"), WRONG_FILES)
def test_wrong_files(tmp_path: Path, text: str, message: str) -> None:
    """What is wrong in a file of settings is named together with the file."""
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(SettingError) as caught:
        run_settings("small", path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_such_file_or_preset(tmp_path: Path) -> None:
    """A missing file, a folder, a file that is no text and an unknown preset are refused."""
    (tmp_path / "picture.toml").write_bytes(b"\x89PNG\xff")
    for path in (tmp_path / "none.toml", tmp_path, tmp_path / "picture.toml"):
        with pytest.raises(SettingError, match="cannot be read"):
            run_settings("small", path)
    with pytest.raises(SettingError, match="unknown preset 'smal'; did you mean small"):
        run_settings("smal")


def test_as_plain_numbers() -> None:
    """Settings are plain numbers and names, as JSON and TOML hold them."""
    told = run_settings("small").as_dict()
    assert set(told) == {"model", "batches", "train"}
    assert told["train"] == asdict(PRESETS["small"].train)
    assert json.loads(json.dumps(told)) == told
