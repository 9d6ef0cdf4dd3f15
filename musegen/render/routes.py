"""Programs that are installed or not, and do part of the work where they are.

A command line goes in, the bytes of the file that it made come out. Knows no music.
"""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class RouteFailed(Exception):
    """One way to make a file is not to be had here, or did not work; the next one is tried."""


def made_by(
    command: Sequence[str], target: Path, limit_s: float, env: Mapping[str, str] | None = None
) -> bytes:
    """What is in `target` once the program has made it, in the folder of that name.

    env: its surroundings, ours where they are left out. RouteFailed, in the program's last words,
    where it cannot be run, takes longer than `limit_s` seconds, fails, or leaves no such file.
    """
    try:
        done = subprocess.run(
            command,
            cwd=target.parent,
            env=env,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=limit_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RouteFailed(str(error)) from error
    if done.returncode or not target.is_file():
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise RouteFailed(lines[-1] if lines else f"ended with {done.returncode}")
    return target.read_bytes()
