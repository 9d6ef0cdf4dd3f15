"""Entries of a catalogue, for tests."""

from typing import Any

from musegen.corpus.catalogue import Entry


def entry(**changes: Any) -> Entry:
    """A collection called "tunes", with these changes."""
    usual = {
        "name": "tunes",
        "title": "Tunes",
        "what": "Short tunes",
        "licence": "CC0-1.0",
        "caution": "They are very short.",
        "page": "https://example.org/tunes",
        "genres": ("folk",),
        "address": "https://example.org/tunes.zip",
        "archive": "zip",
        "genre": "folk",
    }
    return Entry(**(usual | changes))
