"""Small pieces to draw and to play, made by rule."""

import numpy as np

from musegen.music.score import Key, Meter, Score, Tempo, Track, note_array


def piece(
    bars: int = 8, tracks: int = 2, drums: bool = True, meter: tuple[int, int] = (4, 4)
) -> Score:
    """A scale in every pitched track and a beat in the drums, `bars` bars long, on the grid."""
    bar = meter[0] * 96 // meter[1]
    onsets = np.arange(0, bars * bar, 24)
    made = []
    for number in range(tracks):
        pitches = 36 + 12 * (number % 5) + np.arange(len(onsets)) % 7
        rows = np.stack([onsets, np.full_like(onsets, 18), pitches, 40 + onsets % 80], axis=1)
        made.append(Track(program=8 * number % 128, notes=note_array(rows)))
    if drums:
        kicks = np.stack([onsets, np.full_like(onsets, 6), 36 + 2 * (onsets // 24 % 2)], axis=1)
        rows = np.column_stack([kicks, np.full(len(onsets), 90)])
        made.append(Track(program=0, is_drum=True, notes=note_array(rows)))
    return Score(
        24,
        tuple(made),
        tempos=(Tempo.from_bpm(0, 110),),
        meters=(Meter(0, *meter),),
        keys=(Key(0, 2, "major"),),
        end=bars * bar,
    )
