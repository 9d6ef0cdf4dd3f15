"""Instruments by name: General MIDI programs, their families, drum kits, single drums.

What a musician types goes in ("flute", "electric bass", "drums") and programs come out; scores go
in and unique track names come out. Knows no notes and no file.
"""

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import NamedTuple

from musegen.errors import WishError, unknown
from musegen.music.score import Score

FAMILIES = (
    "Piano", "Chromatic Percussion", "Organ", "Guitar", "Bass", "Strings", "Ensemble", "Brass",
    "Reed", "Pipe", "Synth Lead", "Synth Pad", "Synth Effects", "World", "Percussive",
    "Sound Effects",
)  # fmt: skip
"""The sixteen families of General MIDI, eight programs each."""

PROGRAMS = (
    "Acoustic Grand Piano", "Bright Acoustic Piano", "Electric Grand Piano", "Honky-tonk Piano",
    "Electric Piano 1", "Electric Piano 2", "Harpsichord", "Clavinet",
    "Celesta", "Glockenspiel", "Music Box", "Vibraphone",
    "Marimba", "Xylophone", "Tubular Bells", "Dulcimer",
    "Drawbar Organ", "Percussive Organ", "Rock Organ", "Church Organ",
    "Reed Organ", "Accordion", "Harmonica", "Tango Accordion",
    "Nylon Guitar", "Steel Guitar", "Jazz Guitar", "Clean Electric Guitar",
    "Muted Electric Guitar", "Overdriven Guitar", "Distortion Guitar", "Guitar Harmonics",
    "Acoustic Bass", "Finger Electric Bass", "Pick Electric Bass", "Fretless Bass",
    "Slap Bass 1", "Slap Bass 2", "Synth Bass 1", "Synth Bass 2",
    "Violin", "Viola", "Cello", "Contrabass",
    "Tremolo Strings", "Pizzicato Strings", "Orchestral Harp", "Timpani",
    "String Ensemble 1", "String Ensemble 2", "Synth Strings 1", "Synth Strings 2",
    "Choir Aahs", "Voice Oohs", "Synth Voice", "Orchestra Hit",
    "Trumpet", "Trombone", "Tuba", "Muted Trumpet",
    "French Horn", "Brass Section", "Synth Brass 1", "Synth Brass 2",
    "Soprano Sax", "Alto Sax", "Tenor Sax", "Baritone Sax",
    "Oboe", "English Horn", "Bassoon", "Clarinet",
    "Piccolo", "Flute", "Recorder", "Pan Flute",
    "Blown Bottle", "Shakuhachi", "Whistle", "Ocarina",
    "Square Lead", "Sawtooth Lead", "Calliope Lead", "Chiff Lead",
    "Charang Lead", "Voice Lead", "Fifths Lead", "Bass and Lead",
    "New Age Pad", "Warm Pad", "Polysynth Pad", "Choir Pad",
    "Bowed Pad", "Metallic Pad", "Halo Pad", "Sweep Pad",
    "Rain", "Soundtrack", "Crystal", "Atmosphere",
    "Brightness", "Goblins", "Echoes", "Sci-fi",
    "Sitar", "Banjo", "Shamisen", "Koto",
    "Kalimba", "Bagpipe", "Fiddle", "Shanai",
    "Tinkle Bell", "Agogo", "Steel Drums", "Woodblock",
    "Taiko Drum", "Melodic Tom", "Synth Drum", "Reverse Cymbal",
    "Guitar Fret Noise", "Breath Noise", "Seashore", "Bird Tweet",
    "Telephone Ring", "Helicopter", "Applause", "Gunshot",
)  # fmt: skip
"""General MIDI's programs, 0 to 127."""

KITS = {
    0: "Standard Kit",
    8: "Room Kit",
    16: "Power Kit",
    24: "Electronic Kit",
    25: "Analog Kit",
    32: "Jazz Kit",
    40: "Brush Kit",
    48: "Orchestra Kit",
    56: "Effects Kit",
}
"""General MIDI 2's drum kits, by the program that selects them on channel 10."""

FIRST_DRUM = 27
DRUMS = (
    "High Q", "Slap", "Scratch Push", "Scratch Pull", "Sticks", "Square Click",
    "Metronome Click", "Metronome Bell", "Acoustic Bass Drum", "Bass Drum", "Side Stick",
    "Acoustic Snare", "Hand Clap", "Electric Snare", "Low Floor Tom", "Closed Hi-hat",
    "High Floor Tom", "Pedal Hi-hat", "Low Tom", "Open Hi-hat", "Low-mid Tom", "High-mid Tom",
    "Crash Cymbal 1", "High Tom", "Ride Cymbal 1", "Chinese Cymbal", "Ride Bell", "Tambourine",
    "Splash Cymbal", "Cowbell", "Crash Cymbal 2", "Vibraslap", "Ride Cymbal 2", "High Bongo",
    "Low Bongo", "Mute High Conga", "Open High Conga", "Low Conga", "High Timbale",
    "Low Timbale", "High Agogo", "Low Agogo", "Cabasa", "Maracas", "Short Whistle",
    "Long Whistle", "Short Guiro", "Long Guiro", "Claves", "High Woodblock", "Low Woodblock",
    "Mute Cuica", "Open Cuica", "Mute Triangle", "Open Triangle", "Shaker", "Jingle Bell",
    "Bell Tree", "Castanets", "Mute Surdo", "Open Surdo",
)  # fmt: skip
"""The drums of General MIDI 2's standard kit, from pitch 27 up."""


class Instrument(NamedTuple):
    """A General MIDI program, or a drum kit."""

    program: int
    is_drum: bool = False

    @property
    def name(self) -> str:
        """Its name in General MIDI."""
        return kit_name(self.program) if self.is_drum else program_name(self.program)


def program_name(program: int) -> str:
    """General MIDI's name of a program. 73 is "Flute"."""
    return PROGRAMS[program]


def kit_name(program: int) -> str:
    """The name of a drum kit. 32 is "Jazz Kit"; a kit without a name goes by its number."""
    return KITS.get(program, f"Kit {program}")


def drum_name(pitch: int) -> str:
    """The name of a drum by its pitch. 38 is "Acoustic Snare"."""
    place = pitch - FIRST_DRUM
    return DRUMS[place] if 0 <= place < len(DRUMS) else f"Drum {pitch}"


def family_name(program: int) -> str:
    """The family of a program. 73 is in "Pipe"."""
    return FAMILIES[program // 8]


def _family(*names: str) -> tuple[int, ...]:
    return tuple(p for name in names for p in range(128) if FAMILIES[p // 8] == name)


_STRINGS = (48, 49, 40, 41, 42, 43, 44, 45, 50, 51)

ALIASES: dict[str, tuple[int, ...]] = {
    # What people say, in the order in which it is meant. Names of programs need no row.
    "piano": (0, 1, 2, 3),
    "grand piano": (0,),
    "upright piano": (1,),
    "electric piano": (4, 5),
    "e piano": (4, 5),
    "rhodes": (4,),
    "wurlitzer": (4,),
    "dx7": (5,),
    "clavichord": (7,),
    "clav": (7,),
    "keys": (0, 4, 5, 16),
    "keyboard": (0, 4, 5, 16),
    "vibes": (11,),
    "mallets": (11, 12, 13, 9),
    "bells": (14, 9),
    "chimes": (14,),
    "organ": (16, 17, 18, 19, 20),
    "hammond": (16, 17, 18),
    "pipe organ": (19,),
    "harmonium": (20,),
    "bandoneon": (23,),
    "mouth organ": (22,),
    "acoustic guitar": (25, 24),
    "classical guitar": (24,),
    "spanish guitar": (24,),
    "folk guitar": (25,),
    "electric guitar": (27, 26, 28, 29, 30),
    "lead guitar": (29, 30, 27),
    "rhythm guitar": (27, 28, 25),
    "bass": (33, 32, 34, 35, 36, 37, 38, 39),
    "bass guitar": (33, 34),
    "electric bass": (33, 34, 35, 36, 37),
    "slap bass": (36, 37),
    "synth bass": (38, 39),
    "upright bass": (32,),
    "double bass": (43, 32),
    "string bass": (43, 32),
    "strings": _STRINGS,
    "string section": (48, 49),
    "string orchestra": (48, 49),
    "string quartet": (40, 41, 42),
    "synth strings": (50, 51),
    "harp": (46,),
    "kettledrums": (47,),
    "pizzicato": (45,),
    "violoncello": (42,),
    "choir": (52, 53, 54),
    "voice": (52, 53, 54),
    "vocals": (53, 52, 54),
    "singer": (53, 52, 54),
    "orchestra": (*_STRINGS[:6], 73, 68, 71, 70, 60, 56, 57, 58, 47, 46),
    "horn": (60,),
    "horns": (61, 60, 56, 57),
    "horn section": (61,),
    "brass": (61, 56, 57, 58, 60, 59),
    "synth brass": (62, 63),
    "sax": (65, 66, 64, 67),
    "saxophone": (65, 66, 64, 67),
    "cor anglais": (69,),
    "woodwind": (73, 68, 71, 70, 72, 69),
    "winds": (73, 68, 71, 70, 72, 69),
    "panpipe": (75,),
    "tin whistle": (78,),
    "synth": (80, 81, 88, 89, 90, 38),
    "synthesizer": (80, 81, 88, 89, 90, 38),
    "lead": (80, 81, 82, 83, 84, 85, 86, 87),
    "pad": (88, 89, 90, 91, 92, 93, 94, 95),
    "saw lead": (81,),
    "effects": _family("Synth Effects"),
    "thumb piano": (108,),
    "bagpipes": (109,),
    "shehnai": (111,),
    "steel pan": (114,),
    "taiko": (116,),
}

KIT_ALIASES = {
    "drums": 0, "drum": 0, "drum kit": 0, "drum set": 0, "percussion": 0, "kit": 0,
    "standard drums": 0, "rock drums": 16, "electronic drums": 24, "tr 808": 25, "808": 25,
    "analogue kit": 25, "drum machine": 25, "jazz drums": 32, "brushes": 40, "brush drums": 40,
    "orchestral drums": 48, "orchestral percussion": 48, "sfx kit": 56,
}  # fmt: skip


def _plain(text: str) -> str:
    """Lower case, single spaces, "-" and "_" as spaces."""
    return " ".join(re.sub(r"[-_()/]", " ", text.lower()).split())


def _catalogue() -> dict[str, tuple[Instrument, ...]]:
    """Every name that is understood, plain, and what it stands for. The first meaning holds."""
    names = {alias: tuple(map(Instrument, found)) for alias, found in ALIASES.items()}
    for program, name in enumerate(PROGRAMS):
        names.setdefault(_plain(name), (Instrument(program),))
    for kit, name in KITS.items():
        names.setdefault(_plain(name), (Instrument(kit, True),))
    for alias, kit in KIT_ALIASES.items():
        names.setdefault(alias, (Instrument(kit, True),))
    for family in FAMILIES:
        names.setdefault(_plain(family), tuple(map(Instrument, _family(family))))
    return names


_CATALOGUE = _catalogue()


def find_instrument(text: str) -> tuple[Instrument, ...]:
    """The instruments that a name stands for, what is most likely meant first; never none.

    A name of General MIDI, what people say, a family, or a program's number from 0 to 127.

    >>> [found.name for found in find_instrument("electric piano")]
    ['Electric Piano 1', 'Electric Piano 2']
    """
    name = _plain(text)
    if re.fullmatch("[0-9]{1,3}", text.strip()) and name not in _CATALOGUE:
        if int(name) > 127:
            raise WishError(f"there is no program {name}: General MIDI has 0 to 127")
        return (Instrument(int(name)),)
    for form in (name, name.removesuffix("s"), name.removesuffix("es"), f"{name}s"):
        if form in _CATALOGUE:
            return _CATALOGUE[form]
    # "grand" finds "Acoustic Grand Piano": every word of the wish is a word of the name.
    words = set(name.split())
    found = [p for p, full in enumerate(PROGRAMS) if words <= set(_plain(full).split())]
    if found and any(map(str.isalpha, name)):
        return tuple(map(Instrument, found))
    near = get_close_matches(name, _CATALOGUE, n=3, cutoff=0.6)
    raise WishError(unknown("instrument", text, dict.fromkeys([*near, *map(str.lower, FAMILIES)])))


def says_drums(name: str) -> bool:
    """Whether a track's name can only mean drums: "Drums", "Drum Kit 2", "Room Kit"."""
    words = _plain(name).rstrip("0123456789 ")
    return words in KIT_ALIASES or words in _KIT_NAMES


_KIT_NAMES = frozenset(map(_plain, KITS.values()))


def track_names(score: Score, taken: Collection[str] = ()) -> list[str]:
    """A name for every track, its own or its instrument's; a second one of a name is numbered.

    Two grand pianos and drums: "Acoustic Grand Piano", "Acoustic Grand Piano 2", "Drums". No track
    gets a name that is `taken`.
    """
    wanted = [
        printable(track.name) or ("Drums" if track.is_drum else program_name(track.program))
        for track in score.tracks
    ]
    names: list[str] = []
    for name in wanted:
        number, unique = 1, name
        while unique in names or unique in taken or (number > 1 and unique in wanted):
            number += 1
            unique = f"{name} {number}"
        names.append(unique)
    return names


def printable(name: str) -> str:
    """The name on one line, without what cannot be printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())
