"""The errors that a user can cause, as one tree.

    MusegenError          anything that a user can cause and mend; the command line prints one line
    ├── MidiError         a MIDI file cannot be read or written (path, reason)
    ├── WishError         a control has no such value, or two wishes contradict each other
    ├── SettingError      a setting or a configuration file is wrong
    ├── LabelError        a labels file is wrong, or a label is not known to a checkpoint
    ├── CorpusError       a folder of music or its prepared form cannot be used
    ├── CheckpointError   a checkpoint is missing, damaged, or made with another event table
    └── OutputError       something cannot be written where it was asked for

Anything else that escapes from musegen is a bug in musegen.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class MusegenError(Exception):
    """Something a user can cause: the message says what, where, what is allowed, what to do."""

    def at(self, place: str) -> "MusegenError":
        """This error with the place where it happened put before its message, outermost first."""
        self.args = (f"{place}: {self}",)
        return self


class MidiError(MusegenError):
    """A MIDI file cannot be used. `path` names it, `reason` says why in words."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{shown(path)}: {shown(reason)}")
        self.path = str(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type["MidiError"], tuple[str, str]]:
        return (type(self), (self.path, self.reason))


class WishError(MusegenError):
    """A control was asked for a value that it cannot have."""


class SettingError(MusegenError):
    """A setting is unknown or out of range."""


class LabelError(MusegenError):
    """A label is unknown, or a labels file cannot be read."""


class CorpusError(MusegenError):
    """A folder of music, or its prepared form, cannot be used."""


class CheckpointError(MusegenError):
    """A checkpoint is missing, damaged, or does not fit this version of musegen."""


class OutputError(MusegenError):
    """A file cannot be written where it was asked for."""


def shown(text: object) -> str:
    """Text on one line that no terminal obeys: control characters, line ends, marks that turn the
    direction of writing, and bytes of no charset are written as their numbers.

    >>> shown("a\\x1b[31mb"), shown("Flöte ♯")
    ('a\\\\x1b[31mb', 'Flöte ♯')
    """
    words = str(text)
    if words.isprintable():
        return words
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


def unknown(what: str, received: object, allowed: Iterable[str]) -> str:
    """One line that names an unknown choice and what is allowed, nearest matches first.

    >>> unknown("genre", "jaz", ["folk", "jazz"])
    "unknown genre 'jaz'; did you mean jazz? Known: jazz, folk"
    """
    names = list(allowed)
    lowered = {name.lower(): name for name in names}
    near = [lowered[m] for m in get_close_matches(str(received).lower(), lowered, n=3, cutoff=0.6)]
    rest = [name for name in names if name not in near]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"unknown {what} {received!r}; {hint}Known: {', '.join(near + rest) or 'none'}"
