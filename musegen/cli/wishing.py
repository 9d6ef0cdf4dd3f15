"""The options that say what is wished for, and the Controls that they make."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from musegen.errors import WishError
from musegen.music.mood import mood_point
from musegen.tokens.controls import Controls
from musegen.tokens.courses import parse_chords, parse_form, parse_meters, parse_tempo
from musegen.tokens.feasible import bars_of
from musegen.tokens.wishes import parse_key, parse_scale, parse_tracks, with_caps, with_spans

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--genre", help="Genre, one that the checkpoint knows (see: musegen genres)."),
    click.option("--mood", help="Mood by name, such as happy or calm (see: musegen moods)."),
    click.option("--valence", type=float, help="Mood: unpleasant (-1) to pleasant (1)."),
    click.option("--arousal", type=float, help="Mood: quiet (-1) to excited (1)."),
    click.option("--bars", type=int, help="Number of bars, exact."),
    click.option(
        "--tempo", help="Quarter notes per minute, exact; changes with their bar: '110, 90@9'."
    ),
    click.option("--key", help="Key, such as D, F#m or 'Bb major'."),
    click.option(
        "--scale", help="Only these tones, exact: strict (the key's own), dorian, blues ..."
    ),
    click.option(
        "--meter", help="Time signature, such as 4/4 or 6/8, exact; changes: '4/4, 3/4@9'."
    ),
    click.option(
        "--instruments",
        multiple=True,
        help="The instruments that sound, all of them: names or program numbers, separated by "
        "commas.",
    ),
    click.option("--drums/--no-drums", default=None, help="With or without drums."),
    click.option(
        "--range", "ranges", multiple=True, help="Pitches of an instrument, exact: flute=C4-C6."
    ),
    click.option(
        "--max-polyphony", multiple=True, help="Most notes at once, exact: 4, or flute=1."
    ),
    click.option("--chords", help="Chords, one a bar ('Am F C G') or by bars ('Am F | C G')."),
    click.option(
        "--chord-tones", is_flag=True, help="On every beat only tones of the chord, exact."
    ),
    click.option("--form", help="Sections with their bars: 'A8 B8(sad) A8(exact)'."),
    click.option("--density", type=float, help="Notes per quarter note, all tracks together."),
    click.option("--polyphony", type=float, help="Pitched notes that sound at once, on average."),
    click.option("--loudness", type=float, help="Mean velocity, 1 to 127."),
    click.option("--loop", type=int, help="So many bars, to be repeated: nothing rings past them."),
)

NAMES = (
    "genre", "mood", "valence", "arousal", "bars", "tempo", "key", "scale", "meter", "instruments",
    "drums", "ranges", "max_polyphony", "chords", "chord_tones", "form", "density", "polyphony",
    "loudness", "loop",
)  # fmt: skip


def wish_options(command: F) -> F:
    """A click command with an option for every wish."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def wishes_of(told: dict[str, Any]) -> Controls:
    """The Controls that the options say; `told` maps each of NAMES to what was given."""
    valence, arousal = told["valence"], told["arousal"]
    if told["mood"] is not None:
        if valence is not None or arousal is not None:
            raise WishError("give a mood by name, or --valence and --arousal, not both")
        valence, arousal = mood_point(told["mood"])
    bars, loop = told["bars"], told["loop"]
    if loop is not None and bars not in (None, loop):
        raise WishError(f"--loop {loop} and --bars {bars} contradict each other; give one of them")
    bars = bars if loop is None else loop
    key = None if told["key"] is None else parse_key(told["key"])
    tempo, tempo_changes = (None, ()) if told["tempo"] is None else parse_tempo(told["tempo"])
    meter, meter_changes = (None, ()) if told["meter"] is None else parse_meters(told["meter"])
    tracks = parse_tracks(told["instruments"]) if told["instruments"] else ()
    tracks = with_spans(tracks, told["ranges"])
    tracks, cap = with_caps(tracks, told["max_polyphony"])
    sections = () if told["form"] is None else parse_form(told["form"])
    bars = bars_of(Controls(bars=bars, sections=sections))
    chords = () if told["chords"] is None else parse_chords(told["chords"], bars, meter, sections)
    if chords and bars is None:
        bars = chords[-1].bar + 1
    return Controls(
        genre=told["genre"],
        valence=valence,
        arousal=arousal,
        key=key,
        density=told["density"],
        polyphony=told["polyphony"],
        loudness=told["loudness"],
        bars=bars,
        meter=meter,
        tempo=tempo,
        drums=told["drums"],
        tracks=tracks,
        sections=sections,
        chords=chords,
        tempo_changes=tempo_changes,
        meter_changes=meter_changes,
        scale=() if told["scale"] is None else parse_scale(told["scale"], key),
        max_polyphony=cap,
        loop=loop is not None,
        chord_tones=told["chord_tones"],
    )
