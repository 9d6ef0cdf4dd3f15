"""The checkpoint that ships is found from any folder."""

from pathlib import Path

import pytest

from musegen.cli import shipped


def test_a_checkpoint_here_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then that beside the package; where neither is, the name is what the message says."""
    package = tmp_path / "clone" / "musegen" / "cli" / "shipped.py"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(shipped, "__file__", str(package))
    assert shipped.shipped_checkpoint() == shipped.SMALL
    beside = tmp_path / "clone" / shipped.SMALL
    beside.mkdir(parents=True)
    assert Path(shipped.shipped_checkpoint()) == beside
    (elsewhere / shipped.SMALL).mkdir(parents=True)
    assert shipped.shipped_checkpoint() == shipped.SMALL
