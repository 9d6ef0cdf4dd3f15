"""A run as it shows on the terminal: a live line with rich, or plain lines without a terminal."""

import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from musegen.cli.progress import PLAIN_EVERY_S, console

if TYPE_CHECKING:
    from musegen.training.judge import Likelihood
    from musegen.training.loop import Trainer
    from musegen.training.observers import StepReport


class TerminalObserver:
    """Shows a run: loss, speed and time left while it goes on, and each judgement as a line."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._smooth: float | None = None
        self._speed: float | None = None
        self._spoke = 0.0

    def __enter__(self) -> "TerminalObserver":
        if console.is_terminal and not self.quiet:
            self._progress = Progress(
                TextColumn("training"),
                BarColumn(),
                TextColumn("{task.fields[line]}"),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            self._progress.start()
            self._task = self._progress.add_task("training", total=1.0, line="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def began(self, trainer: "Trainer") -> None:
        """Say what is about to be trained, and how."""
        precision = "bf16" if trainer.bf16 else "fp32"
        self._say(
            f"model: {trainer.model.parameter_count() / 1e6:.1f} million parameters, "
            f"{trainer.device}, {precision}; {len(trainer.collection.training):,} pieces to learn "
            f"from, {len(trainer.collection.judging):,} held out"
        )

    def stepped(self, report: "StepReport") -> None:
        """A step was made."""
        loss = report.nats_per_note
        self._smooth = loss if self._smooth is None else 0.95 * self._smooth + 0.05 * loss
        rate = report.rows_per_second
        self._speed = rate if self._speed is None else 0.95 * self._speed + 0.05 * rate
        left = report.seconds * (1 / max(report.progress, 1e-6) - 1)
        line = (
            f"step {report.step:,}  {self._smooth:.3f} nats/note  {self._speed:,.0f} rows/s  "
            f"{_duration(left)} left"
        )
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=report.progress, line=line)
        elif time.monotonic() - self._spoke >= PLAIN_EVERY_S:
            self._spoke = time.monotonic()
            self._say(f"{line}  learning rate {report.learning_rate:.2g}")

    def evaluated(self, step: int, result: "Likelihood", best: bool) -> None:
        """The model was judged on held-out pieces."""
        self._say(
            f"step {step:,}: held-out {result.per_note:.3f} nats per note "
            f"({result.note_fields:.3f} in the notes' fields){', the best so far' if best else ''}"
        )

    def saved(self, folder: Path, step: int) -> None:
        """The checkpoint was written."""

    def noted(self, message: str) -> None:
        """Something happened that whoever trains should know."""
        console.print(f"note: {message}", markup=False)

    def _say(self, line: str) -> None:
        if not self.quiet:
            console.print(line, markup=False)


def _duration(seconds: float) -> str:
    """Seconds in words: 75 is "1m 15s".

    >>> _duration(75)
    '1m 15s'
    """
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 60}m {whole % 60:02d}s"
