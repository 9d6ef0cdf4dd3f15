"""`musegen play`: hear a MIDI file, where there is a sound device."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click


@click.command("play")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--soundfont", type=click.Path(path_type=Path), help="A .sf2 or .sf3 to play with.")
def command(file: Path, soundfont: Path | None) -> None:
    """Play FILE. Ctrl-C stops it."""
    from musegen.music.read import read_midi
    from musegen.music.write import midi_bytes
    from musegen.render.audio import render_wav
    from musegen.render.play import play_wav

    content = midi_bytes(read_midi(file))
    with TemporaryDirectory(prefix="musegen-") as folder:
        recording = render_wav(content, Path(folder, "piece.wav"), soundfont=soundfont)
        click.echo(f"{file}  ({recording.route}, {recording.length_s:.1f} s)")
        play_wav(recording.path)
