"""Runs programs on MIDI files and reads what they understood. Knows which program needs what."""

import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

LIMIT_S = 120
MUST = "MUSEGEN_REAL"
"""Where this variable is set a program that is not there is a failure."""

FONTS = (
    "/usr/share/sounds/sf2/TimGM6mb.sf2",
    "/usr/share/sounds/sf2/default-GM.sf2",
)


class Part(NamedTuple):
    """A part of a score as MuseScore wrote it to MusicXML.

    `keys` and `meters` by the number of the measure in which they stand; channel 1 to 16.
    """

    name: str
    program: int
    channel: int
    keys: dict[int, int]
    meters: dict[int, tuple[int, int]]
    measures: int


class Opened(NamedTuple):
    """What MuseScore made of a file: its parts, and tempi by the number of their measure."""

    parts: list[Part]
    tempos: dict[int, float]


def missing(reason: str) -> NoReturn:
    """The test is skipped with this reason, or fails where the programs must be there."""
    if os.environ.get(MUST):
        pytest.fail(f"{reason}, and {MUST} is set")
    pytest.skip(reason)


def needed(*names: str) -> str:
    """The first of these programs that is installed."""
    for name in names:
        if path := shutil.which(name):
            return path
    missing(f"{names[0]} is not installed (make real installs it)")


def font() -> str:
    """A General MIDI sound font of the system's."""
    found = next((path for path in FONTS if Path(path).is_file()), None)
    return found or missing("there is no sound font (make real installs one)")


def run(*command: str, cwd: Path) -> str:
    """All that the program said. It must end well."""
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, encoding="utf-8", timeout=LIMIT_S, check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(cwd),
             "XDG_RUNTIME_DIR": str(cwd), "LANG": "C.UTF-8"},  # timidity looks there
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def musescore(midi: bytes, folder: Path) -> Opened:
    """What MuseScore understood of a file."""
    program = needed("mscore3", "mscore", "musescore3", "musescore")
    (folder / "in.mid").write_bytes(midi)
    run(program, "-o", "out.musicxml", "in.mid", cwd=folder)
    score = ET.parse(folder / "out.musicxml").getroot()
    told = {part.get("id"): part for part in score.iter("score-part")}
    tempos: dict[int, float] = {}
    parts = []
    for part in score.findall("part"):
        keys, meters = {}, {}
        measures = part.findall("measure")
        for number, measure in enumerate(measures, 1):
            for fifths in measure.iter("fifths"):
                keys[number] = int(str(fifths.text))
            for time in measure.iter("time"):
                n, d = time.findtext("beats"), time.findtext("beat-type")
                meters[number] = int(str(n)), int(str(d))
            for sound in measure.iter("sound"):
                if tempo := sound.get("tempo"):
                    tempos[number] = float(tempo)
        head = told[part.get("id")]
        parts.append(
            Part(
                head.findtext("part-name", ""),
                int(head.findtext(".//midi-program", "0")) - 1,
                int(head.findtext(".//midi-channel", "0")),
                keys, meters, len(measures),
            )
        )  # fmt: skip
    return Opened(parts, tempos)
