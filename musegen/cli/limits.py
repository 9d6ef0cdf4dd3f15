"""The options that say how large a file may be: for every command that reads files."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import click

from musegen.music.source import DEFAULT_LIMITS, Limits

OPTIONS = (
    ("--max-mib", float, "mib", "The largest file that is read, in MiB"),
    ("--max-events", int, "events", "The most events in a file"),
    ("--max-tracks", int, "tracks", "The most tracks in a file"),
    ("--max-hours", float, "hours", "The longest piece, in hours"),
)
"""Option, its type, the field of `Limits` that it sets, its help."""


def limit_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command takes the options, each named as its field with max_ before it."""
    for option, kind, name, words in reversed(OPTIONS):
        default = f"{words} [{getattr(DEFAULT_LIMITS, name):,g}]."
        function = click.option(option, f"max_{name}", type=kind, help=default)(function)
    return function


def limits_of(chosen: Mapping[str, float | None]) -> Limits:
    """The limits, with what was chosen in place of the defaults."""
    given = {name.removeprefix("max_"): value for name, value in chosen.items() if value}
    return replace(DEFAULT_LIMITS, **given)  # type: ignore[arg-type] # click saw to the types
