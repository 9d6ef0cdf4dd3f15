"""A run as it shows on the terminal: a live view with rich, or plain lines without a terminal."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table

from musegen.cli.progress import PLAIN_EVERY_S, console
from musegen.errors import shown

if TYPE_CHECKING:
    from musegen.training.judge import Likelihood
    from musegen.training.loop import Trainer
    from musegen.training.observers import Observer, StepReport

SMOOTH = 0.95
"""How much of a smoothed figure is what it was a step ago."""


class TerminalObserver:
    """Shows a run: loss, speed and time left while it goes on, and each judgement as a line."""

    def __init__(self, quiet: bool = False, to: Console = console) -> None:
        self.quiet = quiet
        self._console = to
        self._live: Live | None = None
        self._loss: float | None = None
        self._speed: float | None = None
        self._spoke = -math.inf
        self._report: StepReport | None = None
        self._held_out: tuple[int, float] | None = None
        self._best: tuple[int, float] | None = None
        self._left_out = 0
        self._saved: int | None = None

    def __enter__(self) -> "TerminalObserver":
        if self._console.is_terminal and not self.quiet:
            self._live = Live(
                get_renderable=self.view,
                console=self._console,
                transient=True,
                refresh_per_second=4,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def view(self) -> Panel:
        """What a terminal shows of the run as it is."""
        rows = Table.grid(padding=(0, 2))
        report = self._report
        rows.add_row("train", _nats(self._loss))
        rows.add_row("held-out", _judged(self._held_out))
        rows.add_row("best so far", _judged(self._best))
        if report is not None:
            rows.add_row("speed", f"{self._speed or 0:,.0f} rows/s")
            rows.add_row("learning rate", f"{report.learning_rate:.2g}")
            rows.add_row("time", f"{_duration(report.seconds)}, {self._time_left()} left")
        if self._saved is not None:
            rows.add_row("saved", f"step {self._saved:,}")
        if self._left_out:
            rows.add_row("left out", f"{self._left_out:,} steps without a finite loss")
        done = 0.0 if report is None else report.progress
        whole = Table.grid(padding=(0, 0))
        whole.add_row(ProgressBar(total=1.0, completed=done, width=60))
        whole.add_row(rows)
        title = "training" if report is None else f"step {report.step:,}"
        return Panel(whole, title=title, title_align="left", expand=False)

    def began(self, trainer: "Trainer") -> None:
        """Say what is about to be trained, and how."""
        precision = "bf16" if trainer.bf16 else "fp32"
        alone = "" if trainer.team.size == 1 else f" x {trainer.team.size} processes"
        self._say(
            f"model: {trainer.model.parameter_count() / 1e6:.1f} million parameters, "
            f"{trainer.device}{alone}, {precision}; {len(trainer.collection.training):,} pieces to "
            f"learn from, {len(trainer.collection.judging):,} held out"
        )
        progress = trainer.progress
        if progress.step:
            self._say(f"going on from step {progress.step:,}")
        if progress.best is not None:
            self._best = progress.best_step, progress.best

    def stepped(self, report: "StepReport") -> None:
        """A step was made."""
        loss, speed = report.nats_per_note, report.rows_per_second
        if math.isfinite(loss):
            old = loss if self._loss is None else self._loss
            self._loss = SMOOTH * old + (1 - SMOOTH) * loss
        if not math.isfinite(report.gradient_norm):
            self._left_out += 1
        old = speed if self._speed is None else self._speed
        self._speed = SMOOTH * old + (1 - SMOOTH) * speed
        self._report = report
        if self._live is None and time.monotonic() - self._spoke >= PLAIN_EVERY_S:
            self._spoke = time.monotonic()
            best = "" if self._best is None else f"  best held-out {self._best[1]:.3f}"
            self._say(
                f"step {report.step:,}  {_nats(self._loss)}  {self._speed:,.0f} rows/s  "
                f"{self._time_left()} left  learning rate {report.learning_rate:.2g}{best}"
            )

    def evaluated(self, step: int, result: "Likelihood", best: bool) -> None:
        """The model was judged on held-out pieces."""
        self._held_out = step, result.per_note
        if best:
            self._best = self._held_out
        self._say(
            f"step {step:,}: held-out {result.per_note:.3f} nats per note "
            f"({result.note_fields:.3f} in the notes' fields){', the best so far' if best else ''}"
        )

    def saved(self, folder: Path, step: int) -> None:
        """The checkpoint was written."""
        self._saved = step

    def noted(self, message: str) -> None:
        """Something happened that whoever trains should know."""
        self._console.print(f"note: {shown(message)}", markup=False, soft_wrap=True)

    def _time_left(self) -> str:
        report = self._report
        if report is None or report.progress <= 0:
            return "?"
        return _duration(report.seconds * (1 / report.progress - 1))

    def _say(self, line: str) -> None:
        if not self.quiet:
            self._console.print(line, markup=False, soft_wrap=True)


class Watchers:
    """The terminal and whatever else watches; `began` is for the terminal alone."""

    def __init__(self, terminal: TerminalObserver, others: "list[Observer]") -> None:
        from musegen.training.observers import Observers

        every = Observers([terminal, *others])
        self.began = terminal.began
        self.stepped, self.evaluated = every.stepped, every.evaluated
        self.saved, self.noted = every.saved, every.noted


@contextmanager
def watching(quiet: bool, tensorboard: Path | None = None) -> Iterator[Watchers]:
    """Observers of a run, as long as the block lasts."""
    with ExitStack() as opened:
        others: list[Observer] = []
        if tensorboard is not None:
            from musegen.training.boards import TensorBoardObserver

            others.append(opened.enter_context(TensorBoardObserver(tensorboard)))
        yield Watchers(opened.enter_context(TerminalObserver(quiet)), others)


def _nats(loss: float | None) -> str:
    return "?" if loss is None else f"{loss:.3f} nats/note"


def _judged(judged: tuple[int, float] | None) -> str:
    return "not judged yet" if judged is None else f"{_nats(judged[1])} at step {judged[0]:,}"


def _duration(seconds: float) -> str:
    """Seconds in words: 75 is "1m 15s".

    >>> _duration(75)
    '1m 15s'
    """
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 60}m {whole % 60:02d}s"
