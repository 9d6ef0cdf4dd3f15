"""Real pieces made wrong on purpose: floors that a listener hears at once.

A Score on the grid goes in, one with the same notes in another order comes out. Knows no model.
"""

from dataclasses import replace

import numpy as np

from musegen.music.score import DURATION, ONSET, PITCH, Score, note_array
from musegen.music.timing import bar_lines


def with_bars_shuffled(score: Score, chance: np.random.Generator) -> Score:
    """The bars in another order; only bars of one length change places, tempo and meter stay.

    A note that is held over a bar line keeps its length, up to the end of the piece.
    """
    lines = bar_lines(score)
    lengths = np.diff(lines)
    to = np.arange(len(lengths))  # where each bar goes
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length)
        to[same] = chance.permutation(same)
    tracks = []
    for track in score.tracks:
        notes = track.notes.astype(np.int64)
        bar = np.searchsorted(lines, notes[:, ONSET], side="right") - 1
        notes[:, ONSET] += lines[to[bar]] - lines[bar]
        notes[:, DURATION] = np.minimum(notes[:, DURATION], score.end - notes[:, ONSET])
        tracks.append(replace(track, notes=note_array(notes)))
    return score.with_tracks(tracks)


def with_pitches_shuffled(score: Score, chance: np.random.Generator) -> Score:
    """The pitches of each track dealt out anew among its notes; drums stay.

    Where a pitch would be struck twice at once, one of the two is left out.
    """
    tracks = []
    for track in score.tracks:
        notes = track.notes.astype(np.int64)
        if not track.is_drum:
            notes[:, PITCH] = chance.permutation(notes[:, PITCH])
            _, first = np.unique(notes[:, [ONSET, PITCH]], axis=0, return_index=True)
            notes = notes[np.sort(first)]
        tracks.append(replace(track, notes=note_array(notes)))
    return score.with_tracks(tracks)
