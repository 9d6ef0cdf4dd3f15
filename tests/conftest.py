"""What all tests share: how Hypothesis searches, torch's threads, where the corpus is."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
