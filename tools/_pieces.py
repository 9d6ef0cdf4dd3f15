"""Files cut into pieces with checksums, and put together again. Needs Python alone.

A large file goes in; NAME-000.part ... and SHA256SUMS come out, and the other way round.
"""

import hashlib
import tarfile
from collections.abc import Iterable
from pathlib import Path

SUMS = "SHA256SUMS"
AT_ONCE = 1 << 20


def sha256(path: Path) -> str:
    """The checksum of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(AT_ONCE):
            digest.update(block)
    return digest.hexdigest()


def cut(whole: Path, folder: Path, largest: int) -> list[Path]:
    """The file `whole` lies in `folder` as pieces of at most `largest` bytes."""
    pieces = []
    with open(whole, "rb") as file:
        while block := file.read(largest):
            pieces.append(folder / f"{whole.name}-{len(pieces):03d}.part")
            pieces[-1].write_bytes(block)
    return pieces


def write_sums(folder: Path, paths: Iterable[Path]) -> None:
    """SHA256SUMS in `folder` tells the sums of these files in it."""
    lines = [f"{sha256(path)}  {path.name}\n" for path in sorted(paths)]
    (folder / SUMS).write_text("".join(lines))


def join(folder: Path, name: str, target: Path) -> None:
    """The pieces of `name` in `folder` are one file again, every byte of it checked.

    Raises SystemExit with what is missing or damaged.
    """
    told = [line.split("  ", 1) for line in (folder / SUMS).read_text().splitlines()]
    wanted = {file: digest for digest, file in told if file.startswith(f"{name}-")}
    missing = [file for file in sorted(wanted) if not (folder / file).is_file()]
    if missing or not wanted:
        raise SystemExit(f"{folder} lacks {', '.join(missing) or name}: bring them all")
    with open(target, "wb") as file:
        for piece, digest in sorted(wanted.items()):
            content = (folder / piece).read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                raise SystemExit(f"{folder / piece} is damaged: bring it again")
            file.write(content)


def unpack(whole: Path, folder: Path) -> None:
    """The files of a tar lie in `folder`; SystemExit where one would lie elsewhere."""
    with tarfile.open(whole) as tar:
        if hasattr(tarfile, "data_filter"):  # not in the first releases of Python 3.11
            tar.extractall(folder, filter="data")
            return
        inside = folder.resolve()
        for member in tar.getmembers():
            if not (member.isfile() or member.isdir()):
                raise SystemExit(f"{whole} holds {member.name}, which is no plain file")
            if inside not in (inside / member.name).resolve().parents:
                raise SystemExit(f"{whole} holds {member.name}, which lies outside")
        tar.extractall(folder)
