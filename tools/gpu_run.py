"""Unpacks what gpu_pack left beside this script, trains, evaluates, and leaves weights in pieces.

    python run.py --minutes 20 [--preset medium] [--results results] [--work work] [--unjudged]
                  [-- MORE]

MORE goes to `musegen train` as it is, such as `--set train.accumulate=2`. Several GPUs are used
where there are several: each is one process. Leaves RESULTS/weights-000.part ... (at most 15 MiB
each), evaluation.md, metrics.csv, run.log and SHA256SUMS. A second call goes on with the first.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from _pieces import SUMS, cut, join, unpack, write_sums

HERE = Path(__file__).resolve().parent
LARGEST = 15 << 20
LOG = "run.log"
TO_BRING = ("model.safetensors", "config.json", "vocabulary.json", "labels.json", "README.md")


def unpacked(work: Path) -> None:
    """Code, packages and music lie in `work`."""
    if (work / "unpacked").is_file():
        return
    work.mkdir(parents=True, exist_ok=True)
    join(HERE, "pack", work / "pack")
    unpack(work / "pack", work)
    for wheel in sorted((work / "wheels").glob("*.whl")) if (work / "wheels").is_dir() else ():
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(work / "wheels")
    (work / "pack").unlink()
    (work / "unpacked").touch()


def trained(work: Path, asked: argparse.Namespace, log: Path) -> None:
    """The checkpoint in `work/model` has been trained, or goes on being."""
    import torch

    out, gpus = work / "model", torch.cuda.device_count()
    words = [sys.executable, "-u"]
    if gpus > 1:
        words += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={gpus}"]
    words += ["-m", "musegen", "train", str(work / "prepared"), "--out", str(out), "--no-report"]
    words += ["--title", asked.title, "--minutes", str(asked.minutes)]
    if (out / "training").is_dir():
        words.append("--resume")
    elif (work / "base").is_dir():
        words += ["--from", str(work / "base")]
    else:
        words += ["--preset", asked.preset, "--set", f"train.accumulate={max(gpus, 1)}"]
    _logged([*words, *asked.more], work, log)


def main() -> None:
    """Unpack, train, evaluate, cut."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, required=True, help="of training, in all")
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--title", default="a packed collection")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--unjudged", action="store_true", help="leave out evaluation.md")
    parser.add_argument("more", nargs="*", help="for musegen train, behind --")
    asked = parser.parse_args()
    work, results = asked.work.resolve(), asked.results.resolve()
    unpacked(work)
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    log = results / LOG
    trained(work, asked, log)
    shutil.copy(work / "model" / "training" / "metrics.csv", results)
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch, "weights")
        with tarfile.open(whole, "w") as tar:
            for name in TO_BRING:
                tar.add(work / "model" / name, name)
        cut(whole, results, LARGEST)
    sums(results)  # what is there if time runs out in judging
    if not (asked.unjudged or (work / "base").is_dir()):  # tuned ones number genres otherwise
        judged = [sys.executable, "-m", "musegen", "evaluate", str(work / "model")]
        judged += ["--likelihood", "--quiet", "--prepared", str(work / "prepared")]
        judged += ["-o", str(results / "evaluation.md")]
        _logged(judged, work, log, must=False)  # without held-out pieces there is nothing to judge
        sums(results)
    print(f"bring {results} back, then there: make gpu-collect FROM={results.name}")


def sums(results: Path) -> None:
    """SHA256SUMS tells the sums of all that is there but the log, which may go on."""
    left_out = (LOG, SUMS)
    write_sums(results, [path for path in results.iterdir() if path.name not in left_out])


def _logged(words: list[str], work: Path, log: Path, must: bool = True) -> None:
    """The command has run; what it said is in `log`, too."""
    paths = [str(work / "code"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    environment["MUSEGEN_CACHE"] = str(work / "cache")
    # Behind what is installed: a package that is there wins over the one that was brought.
    hook = f"import sys; sys.path.append({str(work / 'wheels')!r})\n"
    (work / "code" / "sitecustomize.py").write_text(hook)
    with open(log, "ab") as file:
        run = subprocess.Popen(
            words, env=environment, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert run.stdout is not None
        for line in run.stdout:
            file.write(line)
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
    if run.wait() and must:
        raise SystemExit(f"{' '.join(words[:6])} ... ended with {run.returncode}; see {log}")


if __name__ == "__main__":
    main()
