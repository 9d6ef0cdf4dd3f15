"""`musegen render`: a MIDI file's picture, sound and written music."""

from pathlib import Path

import click

from musegen.errors import OutputError, unknown

KINDS = (".png", ".svg", ".wav", ".musicxml", ".xml")


@click.command("render")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", "places", multiple=True, type=click.Path(path_type=Path),
    help="A .png, .svg, .wav or .musicxml; repeat it for more [FILE.png and FILE.wav].",
)  # fmt: skip
@click.option("--score", "sheet", is_flag=True, help="Write FILE.musicxml, too, for MuseScore etc.")
@click.option("--soundfont", type=click.Path(path_type=Path), help="A .sf2 or .sf3 to play with.")
@click.option("--title", help="What is written over the picture [the file's name].")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def command(
    file: Path,
    places: tuple[Path, ...],
    sheet: bool,
    soundfont: Path | None,
    title: str | None,
    force: bool,
) -> None:
    """Draw FILE as a piano roll, render its sound, write it as a score.

    MusicXML is written by MuseScore where that is installed, else by music21.

    \b
      musegen render tune.mid
      musegen render tune.mid -o tune.svg -o tune.wav
      musegen render tune.mid --score
    """
    from musegen.music.read import read_midi
    from musegen.music.write import midi_bytes
    from musegen.render.audio import render_wav
    from musegen.render.pianoroll import save_pianoroll
    from musegen.render.sheet import ENDINGS, save_sheet

    places = places or (file.with_suffix(".png"), file.with_suffix(".wav"))
    if sheet:
        places = (*places, file.with_suffix(".musicxml"))
    for place in places:
        if place.suffix.lower() not in KINDS:
            raise OutputError(f"{place}: {unknown('ending', place.suffix, KINDS)}")
        if place.exists() and not force:
            raise OutputError(f"{place} exists already; choose another name, or add --force")
    score = read_midi(file)
    name = file.stem if title is None else title
    for place in places:
        if place.suffix.lower() in ENDINGS:
            written = save_sheet(midi_bytes(score), place, title=name, force=force)
            click.echo(f"{place}  ({written.route}, {written.notes:,} notes)")
        elif place.suffix.lower() == ".wav":
            recording = render_wav(midi_bytes(score), place, soundfont=soundfont, force=force)
            click.echo(f"{place}  ({recording.route}, {recording.length_s:.1f} s)")
        else:
            save_pianoroll(score, place, title=name, force=force)
            click.echo(str(place))
