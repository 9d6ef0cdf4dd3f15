"""The `musegen` command: a group of commands, and the one place where errors become exit codes.

Exit codes: 0 done, 1 something that the user can mend, 2 wrong usage, 130 and 143 interrupted;
`scan` has 1 for some files that cannot be used and 2 for none that can.
"""

import importlib
import sys
from typing import Any

import click

import musegen
from musegen.errors import MusegenError

COMMANDS = {
    "generate": "Compose pieces with a checkpoint.",
    "train": "Train a checkpoint on a folder of MIDI files.",
    "render": "A MIDI file's piano roll, its sound, its written score.",
    "play": "Play a MIDI file.",
    "replay": "Make a composed file again from the recipe in it.",
    "verify": "Say whether a composed file is what its recipe makes.",
    "lint": "Check that a MIDI file opens well in a DAW; repair it.",
    "prepare": "Read a folder of MIDI files, to train on it later.",
    "scan": "Say what a folder of MIDI files is worth, and what is wrong with it.",
    "data": "Get music to train on.",
    "evaluate": "Judge a checkpoint on held-out music.",
    "genres": "List the genres that a checkpoint knows.",
    "moods": "List the moods that have a name.",
}
"""Name and short help of each command; each lives in its own module, loaded when it is used."""

INTERRUPTED = 130


class Commands(click.Group):
    """Loads a command's module when it is called, so that --help is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of that name."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"musegen.cli.{name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run; errors that a user can cause become one line and an exit code."""
        alone = kwargs.get("standalone_mode", True)
        kwargs["standalone_mode"] = False
        if not alone:
            return super().main(*args, **kwargs)
        try:
            code = super().main(*args, **kwargs)  # what the command chose to exit with, or None
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.exceptions.Exit as done:
            sys.exit(done.exit_code)
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            sys.exit(INTERRUPTED)
        except MusegenError as error:
            code = getattr(error, "exit_code", None)  # an interrupted run has one of its own
            click.echo(str(error) if code else f"error: {error}", err=True)
            sys.exit(code or 1)
        except BrokenPipeError:
            sys.exit(1)
        except OSError as error:
            if error.filename is None:
                raise  # not about a file that somebody named: a bug
            click.echo(f"error: {error.filename}: {error.strerror}", err=True)
            sys.exit(1)
        sys.exit(code if isinstance(code, int) else 0)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(musegen.__version__, prog_name="musegen")
def main() -> None:
    """Compose music from your own MIDI collection, on your own machine."""
