"""Sound for the ears: a WAV file goes in and is heard, where there is something to play it with.

No library: every desktop has a program for it, and which one is there is found out by asking.
"""

import shutil
import subprocess
from pathlib import Path

from musegen.errors import OutputError

PLAYERS: dict[str, tuple[str, ...]] = {
    "pw-play": (),
    "paplay": (),
    "afplay": (),
    "aplay": ("-q",),
    "ffplay": ("-nodisp", "-autoexit", "-loglevel", "error"),
    "play": ("-q",),
    "powershell": ("-NoProfile", "-Command"),
}
"""Programs that play a WAV file and end, on Linux, macOS and Windows, and what they are told."""


def play_wav(path: str | Path) -> str:
    """The file was heard; the name of the program that played it.

    Raises OutputError, with what each program said, where none can play: no device, no program.
    """
    said = []
    for name, words in PLAYERS.items():
        binary = shutil.which(name)
        if binary is None:
            continue
        where = str(Path(path).resolve())
        last = where
        if name == "powershell":
            quoted = where.replace("'", "''")
            last = f"(New-Object Media.SoundPlayer '{quoted}').PlaySync()"
        done = subprocess.run(
            [binary, *words, last], capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode == 0:
            return name
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        said.append(f"{name}: {lines[-1] if lines else f'ended with {done.returncode}'}")
    reason = "; ".join(said) or f"none of {', '.join(PLAYERS)} is installed"
    raise OutputError(
        f"there is no sound device here that plays ({reason}); write a recording in its place: "
        "musegen render FILE.mid -o FILE.wav"
    )
