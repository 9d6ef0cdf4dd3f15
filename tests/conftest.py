"""What all tests share: how Hypothesis searches, torch's threads, where the corpus is."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from musegen.model.compiling import compile_kernels
from musegen.tokens import machine

if "PYTEST_XDIST_WORKER" in os.environ:  # workers that each take every core slow each other down
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev"))


@pytest.fixture(scope="session")
def corpus_folder() -> Path:
    """The folder of real MIDI that MUSEGEN_CORPUS names; without it the test is skipped."""
    name = os.environ.get("MUSEGEN_CORPUS")
    if not name or not Path(name).is_dir():
        pytest.skip("MUSEGEN_CORPUS names no folder of MIDI files")
    return Path(name)


@pytest.fixture(scope="session", autouse=True)
def cache_folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """What can be made again is kept beside pytest's own cache; nobody makes it unasked."""
    folder = request.config.rootpath / ".pytest_cache" / "musegen"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSEGEN_CACHE", str(folder))
        for room in ("musegen.model.compiling", "musegen.tokens.machine"):
            patch.setattr(f"{room}.compile_in_background", lambda: None)
        yield folder


@pytest.fixture(scope="session")
def compiled(cache_folder: Path) -> Path:
    """The machine code of the kernels is there: made when they were changed, a minute or less."""
    for precision in ("int8", "float32"):
        assert compile_kernels(precision)
    assert machine.compile_kernels()
    return cache_folder
