"""Packs all that training on another machine needs: code, music as shards, packages, a script.

    python tools/gpu_pack.py --prepared checkpoints/mine.prepared --out out/gpu
                             [--from checkpoints/small] [--largest-mib 60] [--no-wheels]

Leaves OUT/pack-000.part ... (each at most so large), run.py, _pieces.py and SHA256SUMS. The other
machine needs Python 3.12 (or this one's version, with --no-wheels) with PyTorch and numpy, and no
network. docs/gpu.md says how to go on.
"""

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from _pieces import cut, write_sums

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "click", "rich", "safetensors", "symusic", "platformdirs", "pySmartDL",
    "markdown-it-py", "mdurl", "Pygments",
)  # fmt: skip
"""What training imports beside PyTorch and numpy, with what those import."""

LEFT_BEHIND = ("readings.jsonl",)
"""Files of a prepared folder that only preparing reads."""


def wheels(folder: Path, version: str) -> None:
    """The packages that training needs lie in `folder`, for Linux on x86-64."""
    platforms = [f"manylinux{tag}_x86_64" for tag in ("_2_28", "_2_17", "2014")]
    words = [
        sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check",
        "-c", str(ROOT / "constraints.txt"), "--only-binary", ":all:", "--no-deps",
        "--python-version", version, "--implementation", "cp", "-d", str(folder),
        *(word for platform in platforms for word in ("--platform", platform)),
        *PACKAGES,
    ]  # fmt: skip
    subprocess.run(words, check=True)


def main() -> None:
    """Pack."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prepared", type=Path, required=True, help="the shards to train on")
    parser.add_argument("--out", type=Path, default=Path("out/gpu"))
    parser.add_argument("--from", dest="base", type=Path, help="a checkpoint to fine-tune there")
    parser.add_argument("--largest-mib", type=float, default=60.0, help="of a pack")
    parser.add_argument("--python", default="3.12", help="the version there")
    parser.add_argument("--no-wheels", action="store_true", help="packages are there already")
    asked = parser.parse_args()
    if not (asked.prepared / "prepared.json").is_file():
        parser.error(f"{asked.prepared} is not a prepared folder: musegen prepare FOLDER makes one")
    shutil.rmtree(asked.out, ignore_errors=True)
    asked.out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        vendored = Path(scratch, "wheels")
        vendored.mkdir()
        if not asked.no_wheels:
            wheels(vendored, asked.python)
        whole = Path(scratch, "pack")
        with tarfile.open(whole, "w:xz", preset=1) as tar:
            for path in sorted((ROOT / "musegen").rglob("*.py")):
                tar.add(path, f"code/{path.relative_to(ROOT)}")
            tar.add(ROOT / "data" / "catalogue.toml", "code/musegen/corpus/catalogue.toml")
            for path in sorted(vendored.iterdir()):
                tar.add(path, f"wheels/{path.name}")
            for path in sorted(asked.prepared.iterdir()):
                if path.name not in LEFT_BEHIND:
                    tar.add(path, f"prepared/{path.name}")
            if asked.base is not None:
                for path in sorted(asked.base.iterdir()):
                    if path.is_file():
                        tar.add(path, f"base/{path.name}")
        pieces = cut(whole, asked.out, int(asked.largest_mib * 2**20))
    for name, source in (("run.py", "gpu_run.py"), ("_pieces.py", "_pieces.py")):
        shutil.copyfile(Path(__file__).with_name(source), asked.out / name)
        pieces.append(asked.out / name)
    write_sums(asked.out, pieces)
    for path in sorted(pieces):
        print(f"{path}  {path.stat().st_size / 2**20:.1f} MiB")
    print("bring all of it to the other machine, then there: python run.py --minutes 20")


if __name__ == "__main__":
    main()
