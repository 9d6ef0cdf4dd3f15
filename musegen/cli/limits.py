"""The options that say what is taken: how large a file may be, and the rest. For every command that
reads a folder.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from musegen.music.source import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from musegen.corpus.reading import PrepareSettings

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
    given = {
        name.removeprefix("max_"): value for name, value in chosen.items() if value is not None
    }
    return replace(DEFAULT_LIMITS, **given)  # type: ignore[arg-type] # click saw to the types


def settings_of(
    limits: Mapping[str, float | None], keep_performed: bool, held_out: float | None = None
) -> "PrepareSettings":
    """What is taken into a collection, as a command's options say it."""
    from musegen.corpus.reading import PrepareSettings

    settings = PrepareSettings(keep_performed=keep_performed, limits=limits_of(limits))
    return settings if held_out is None else replace(settings, held_out=held_out)
