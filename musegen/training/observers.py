"""What a run tells those who watch it, and who they may be. Knows no terminal and no file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from musegen.training.judge import Likelihood


@dataclass(frozen=True)
class StepReport:
    """One step: its loss in nats per note, and how far the run is (0 to 1).

    nats_per_note, gradient_norm: not finite where the step was left out. rows: all seen so far.
    """

    step: int
    steps: int
    progress: float
    nats_per_note: float
    learning_rate: float
    rows_per_second: float
    seconds: float
    rows: int = 0
    gradient_norm: float = 0.0


class Observer(Protocol):
    """Whoever watches a run."""

    def stepped(self, report: StepReport) -> None:
        """A step was made."""

    def evaluated(self, step: int, result: Likelihood, best: bool) -> None:
        """The model was judged on held-out pieces."""

    def saved(self, folder: Path, step: int) -> None:
        """The checkpoint was written."""

    def noted(self, message: str) -> None:
        """Something happened that whoever trains should know."""


class Observers:
    """Several observers as one; each is told everything, in order."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def stepped(self, report: StepReport) -> None:
        """A step was made."""
        for observer in self._observers:
            observer.stepped(report)

    def evaluated(self, step: int, result: Likelihood, best: bool) -> None:
        """The model was judged on held-out pieces."""
        for observer in self._observers:
            observer.evaluated(step, result, best)

    def saved(self, folder: Path, step: int) -> None:
        """The checkpoint was written."""
        for observer in self._observers:
            observer.saved(folder, step)

    def noted(self, message: str) -> None:
        """Something happened that whoever trains should know."""
        for observer in self._observers:
            observer.noted(message)
