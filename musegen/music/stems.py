"""A Score as stems: one MIDI file for each track, all of one length, with one tempo map.

A Score goes in; a folder of files whose names sort as the tracks do comes out. Many DAWs make one
clip of a file that is dragged into them: with stems every instrument gets its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from musegen.folders import whole_folder
from musegen.music.exported import exported
from musegen.music.lint.opened import STEM
from musegen.music.score import Score
from musegen.music.write import spelled

LONGEST_NAME = 60


def stems(score: Score, *, texts: Sequence[str] = ()) -> dict[str, bytes]:
    """File names and files: the conductor and one track each. Any number of tracks will do.

    A text event says that the file is a stem: its silence before the first note is meant.
    """
    whole = exported(score, stems=True)
    count = len(whole.tracks)
    files = {}
    for number, track in enumerate(whole.tracks, 1):
        name = f"{number:0{max(2, len(str(count)))}} {_file_name(track.name)}.mid"
        said = [f"{STEM} {number} of {count}", *texts]
        files[name] = spelled(replace(whole, tracks=(track,)), said)
    return files


def write_stems(
    score: Score, folder: str | Path, *, force: bool = False, texts: Sequence[str] = ()
) -> list[Path]:
    """The stems lie in `folder`, all of them or none; a folder that is there only with `force`."""
    files = stems(score, texts=texts)
    with whole_folder(folder, force) as staging:
        for name, content in files.items():
            (staging / name).write_bytes(content)
    return [Path(folder) / name for name in files]


def _file_name(name: str) -> str:
    """The name of a track with what some system does not allow in a file's name left out."""
    kept = "".join(c if c.isalnum() or c in " -_'" else " " for c in name)
    return " ".join(kept.split())[:LONGEST_NAME].strip() or "Track"
