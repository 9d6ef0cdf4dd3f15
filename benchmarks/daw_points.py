"""How many of the 15 points each writer of MIDI keeps, on the same compositions; and our stems.

    python benchmarks/daw_points.py --pieces 200
    python benchmarks/daw_points.py --pieces 200 --checkpoint checkpoints/mine

Without a checkpoint the pieces are composed by a small model with random weights, which likes many
notes: what is written does not depend on how good the music is. The other writers are given the
score as our file holds it, in 480 ticks, so that they begin with every advantage. A writer that is
not installed is left out. Writes benchmarks/results/daw_points.json and .md.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from _machine import Machine, leave, markdown_table
from _machine import options as machine_options

from musegen.composing.composer import Composer
from musegen.model.checkpoint import Checkpoint
from musegen.model.transformer import ModelConfig, MusicModel
from musegen.music.exported import exported
from musegen.music.lint.points import POINTS, lint
from musegen.music.score import Score
from musegen.music.stems import stems
from musegen.music.write import midi_bytes
from musegen.tokens import scales
from musegen.tokens.controls import Controls, TrackPlan
from musegen.tokens.fields import NOTE, TABLE

SIZES = ModelConfig(layers=2, width=32, heads=2, hidden=64, context=256, field_width=32)
NOTES_LIKED, LATE_DISLIKED = 4.0, 0.15


def random_composer() -> Composer:
    """It has learned nothing but to write many notes, one soon after the other."""
    torch.manual_seed(0)
    model = MusicModel(TABLE, SIZES).eval()
    with torch.no_grad():
        model.decoder.kind_bias[NOTE] += NOTES_LIKED
        model.decoder.bias["NOTE_onset"] -= LATE_DISLIKED * torch.arange(384)
    return Composer(Checkpoint(model, ("folk", "jazz"), ""))


def wishes(number: int) -> Controls:
    """What somebody might ask for."""
    chance = random.Random(number)
    tracks = [TrackPlan(chance.randrange(128)) for _ in range(chance.randint(1, 6))]
    if chance.random() < 0.5:
        tracks.append(TrackPlan(chance.choice(scales.DRUM_KITS), True))
    return Controls(
        key=(chance.randrange(12), chance.choice(("major", "minor"))),
        bars=chance.randint(1, 6),
        meter=chance.choice(((4, 4), (3, 4), (6, 8), (5, 4), (7, 8), (2, 2))),
        tempo=chance.randint(40, 240),
        tracks=tuple(tracks),
    )


def by_pretty_midi(score: Score) -> bytes:
    """As PrettyMIDI.write has it."""
    content = BytesIO()
    score.to_pretty_midi().write(content)
    return content.getvalue()


def by_symusic(score: Score) -> bytes:
    """As symusic's Score.dumps_midi has it."""
    import symusic

    made = symusic.Score(score.ticks_per_quarter)
    for track in score.tracks:
        part = symusic.Track(track.name, track.program, track.is_drum)
        for note in track:
            part.notes.append(symusic.Note(*note))
        made.tracks.append(part)
    for tempo in score.tempos:
        made.tempos.append(symusic.Tempo(tempo.tick, mspq=tempo.microseconds))
    for meter in score.meters:
        made.time_signatures.append(symusic.TimeSignature(*meter))
    for tick, sharps, minor in map(_signature, score.keys):
        made.key_signatures.append(symusic.KeySignature(tick, sharps, minor))
    for marker in score.markers:
        made.markers.append(symusic.TextMeta(*marker))
    return bytes(made.dumps_midi())


def by_miditoolkit(score: Score) -> bytes:
    """As miditoolkit's MidiFile.dump has it."""
    import miditoolkit as mtk

    made = mtk.MidiFile(ticks_per_beat=score.ticks_per_quarter)
    for track in score.tracks:
        part = mtk.Instrument(track.program, track.is_drum, track.name)
        for onset, duration, pitch, velocity in track:
            part.notes.append(mtk.Note(velocity, pitch, onset, onset + duration))
        made.instruments.append(part)
    made.tempo_changes = [mtk.TempoChange(t.bpm, t.tick) for t in score.tempos]
    made.time_signature_changes = [mtk.TimeSignature(n, d, tick) for tick, n, d in score.meters]
    names = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]
    minors = ["Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm"]
    made.key_signature_changes = [
        mtk.KeySignature((minors if mode == "minor" else names)[tonic], tick)
        for tick, tonic, mode in score.keys
    ]
    made.markers = [mtk.Marker(text, tick) for tick, text in score.markers]
    made.max_tick = score.end
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "piece.mid")
        made.dump(str(path))
        return path.read_bytes()


def _signature(key: Any) -> tuple[int, int, int]:
    """Tick, sharps (flats below 0), and 1 for minor."""
    tonic = key.tonic + 3 * (key.mode == "minor")
    return key.tick, (7 * tonic + 5) % 12 - 5, int(key.mode == "minor")


PACKAGES = ("mido", "miditoolkit", "symusic", "pretty_midi", "torch")
WRITERS: dict[str, Callable[[Score], bytes]] = {
    "musegen": lambda score: midi_bytes(score),
    "miditoolkit": by_miditoolkit,
    "symusic": by_symusic,
    "pretty_midi": by_pretty_midi,
}


def main() -> None:
    """Compose, write with every writer, and count the points."""
    parser = machine_options(__doc__)
    parser.add_argument("--pieces", type=int, default=200)
    parser.add_argument("--checkpoint", help="compose with this one")
    options = parser.parse_args()
    there = [name for name in PACKAGES if find_spec(name)]
    machine = Machine(there)
    composer = (
        Composer.load(options.checkpoint, much=True) if options.checkpoint else random_composer()
    )

    missed: dict[str, Counter[int]] = {name: Counter() for name in (*WRITERS, "musegen's stems")}
    files: Counter[str] = Counter()
    absent = set()
    kept: Counter[str] = Counter()
    for number in range(options.pieces):
        score = composer.compose(wishes(number), seed=number)[0].score
        whole = exported(score)
        written: list[tuple[str, bytes]] = []
        for name, write in WRITERS.items():
            try:
                written.append((name, write(score if name == "musegen" else whole)))
            except ImportError:
                absent.add(name)
        written += [("musegen's stems", content) for content in stems(score).values()]
        for name, content in written:
            report = lint(content)
            files[name] += 1
            kept[name] += report.passed
            missed[name].update(point.number for point in report.failed)
    rows = [
        [
            name,
            files[name],
            f"{kept[name] / files[name]:.1f}",
            ", ".join(f"{n} ({count})" for n, count in sorted(counts.items())) or "-",
        ]
        for name, counts in missed.items()
        if name not in absent
    ]
    model = "a checkpoint" if options.checkpoint else "a small model with random weights"
    page = [
        f"{options.pieces} compositions of {model}, 1 to 7 instruments, 1 to 6 bars, each "
        "written by every writer: points kept of 15, and which were missed in how many files.",
        markdown_table(
            ["writer", "files", "points kept of 15", "points missed (in how many files)"], rows
        ),
        "\n".join(f"{point.number}. {point.title}" for point in POINTS),
    ]
    figures = {
        "pieces": options.pieces,
        "files": dict(files),
        "points": {name: round(kept[name] / count, 3) for name, count in files.items()},
        "missed": {name: dict(sorted(counts.items())) for name, counts in missed.items()},
        "not_installed": sorted(absent),
    }
    leave(options.results, "daw_points", machine.describe(), figures, page)


if __name__ == "__main__":
    main()
