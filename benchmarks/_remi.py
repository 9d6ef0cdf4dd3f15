"""MidiTok's REMI with the features that musegen's rows have, and a fixed sample of a folder.

In: a folder of MIDI. Out: a tokenizer and paths. Needs the `bench` extra.
"""

import random
from pathlib import Path
from typing import Any

from miditok import REMI, TokenizerConfig

from musegen.corpus.scan import find_midi

EVERY_PITCH = (0, 127)
METERS = {1: (1, 4), 2: (1, 8), 4: (1, 16), 8: (1, 32), 16: (1, 32)}
"""Numerators from and to, by denominator: what musegen knows too."""

SETTINGS = (
    "tempos, time signatures and programs in one stream of all tracks, every MIDI pitch, 32 "
    "velocities, MidiTok's own time resolution (8 steps a quarter up to 4 quarters, then 4; "
    "musegen has 24)"
)


def remi() -> Any:  # MidiTok comes without types
    """REMI (Huang and Yang 2020) over all tracks in one stream, with tempo, meter and program."""
    return REMI(
        TokenizerConfig(
            pitch_range=EVERY_PITCH,
            drums_pitch_range=EVERY_PITCH,
            use_tempos=True,
            use_time_signatures=True,
            use_programs=True,
            one_token_stream_for_programs=True,
            time_signature_range=METERS,
        )
    )


def sample(folder: Path, count: int, seed: int) -> tuple[list[Path], int]:
    """`count` MIDI files of a folder drawn by the seed, in order, and how many files there are."""
    found, _ = find_midi(folder)
    chosen = random.Random(seed).sample(found, min(count, len(found)))
    return [folder / file.path for file in sorted(chosen, key=lambda f: f.path)], len(found)
