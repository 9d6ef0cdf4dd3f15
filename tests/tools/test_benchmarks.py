"""The scripts in benchmarks/ go with the package: what they take from it is there."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "benchmarks"
OPTIONAL = ("miditok", "transformers")

LOAD_ALL = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
wrong = []
for name in sys.argv[3:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in sys.argv[2].split(","):
            wrong.append(f"{name}: {error}")
    except ImportError as error:
        wrong.append(f"{name}: {error}")
sys.exit("\\n".join(wrong) or 0)
"""


def test_every_benchmark_can_be_imported() -> None:
    """A name that was moved in the package is found here, not on the day of measuring."""
    names = sorted(path.stem for path in FOLDER.glob("*.py"))
    assert len(names) > 10
    command = [sys.executable, "-c", LOAD_ALL, str(FOLDER), ",".join(OPTIONAL), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
