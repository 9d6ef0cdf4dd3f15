"""The texts in a MIDI file: names, markers and what the conductor's track says.

In: the bodies of tracks. Out: text in the charset it was written in, without what a terminal, a
table or a page would obey. Knows no note.
"""

import re
from collections.abc import Sequence

META, TEXT, END_OF_TRACK = 0xFF, 0x01, 0x2F
MAX_CONDUCTOR_EVENTS = 20_000
MAX_TEXT = 200
"""Characters of a track's name or a marker that are kept."""

CHARSETS = ("utf-8", "shift-jis")
"""Tried in this order; what is none of them is latin-1, in which everything is something."""

_NAMED = re.compile(rb"\xff[\x01-\x0f]([\x80-\xff]{0,2}[\x00-\x7f])")


def decoded(raw: bytes) -> str:
    """Text in UTF-8, else in Shift-JIS where it is valid, else in latin-1.

    >>> decoded("Flöte".encode("latin-1")), decoded("ピアノ".encode("shift-jis"))
    ('Flöte', 'ピアノ')
    """
    for charset in CHARSETS:
        try:
            return raw.decode(charset)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def clean(text: str) -> str:
    """`text` without control characters and spaces around it, at most `MAX_TEXT` long.

    Control characters are also those that turn the direction of writing.
    """
    if text.isascii() and text.isprintable():
        return text.strip()[:MAX_TEXT]
    return "".join(c if c.isprintable() else " " for c in text).strip()[:MAX_TEXT]


class Charsets:
    """Gives the text that was meant for one that was read as if it were UTF-8 with mistakes."""

    def __init__(self, bodies: Sequence[bytes]) -> None:
        self._bodies = bodies
        self._meant: dict[str, str] | None = None

    def __call__(self, text: str) -> str:
        """The text in its own charset, clean."""
        if "\ufffd" in text:
            if self._meant is None:
                self._meant = dict(self._texts())
            text = self._meant.get(text, text)
        return clean(text)

    def _texts(self) -> list[tuple[str, str]]:
        found = []
        for body in self._bodies:
            for match in _NAMED.finditer(body):
                size, begin = number(body, match.start(1))
                raw = body[begin : begin + size]
                found.append((raw.decode("utf-8", "replace"), decoded(raw)))
        return found


def conductor(body: bytes) -> tuple[list[str], int]:
    """The text events at the head of a track, and the tick of its end; 0 where it holds music.

    Read until the first event that is none of a conductor's, or the first that is damaged.
    """
    texts: list[str] = []
    at = tick = 0
    try:
        for _ in range(MAX_CONDUCTOR_EVENTS):
            wait, at = number(body, at)
            tick += wait
            if body[at] != META:
                return texts, 0
            kind = body[at + 1]
            length, at = number(body, at + 2)
            if kind == END_OF_TRACK:
                return texts, tick
            if kind == TEXT:
                texts.append(decoded(body[at : at + length]))
            at += length
    except IndexError:  # it ends too early
        pass
    return texts, 0


def number(body: bytes, at: int) -> tuple[int, int]:
    """MIDI's number of variable length at `at`, and the place after it. 81 00 is 128."""
    value = 0
    for place in range(at, at + 4):
        value = value << 7 | body[place] & 127
        if body[place] < 128:
            break
    return value, place + 1
