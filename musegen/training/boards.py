"""A run's curves for TensorBoard, where the extra `tensorboard` is installed."""

import math
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

from musegen.errors import SettingError
from musegen.training.judge import Likelihood
from musegen.training.observers import StepReport


class TensorBoardObserver:
    """Writes what it is told into a folder that `tensorboard --logdir` opens."""

    def __init__(self, folder: Path) -> None:
        if find_spec("tensorboard") is None:
            raise SettingError(
                "--tensorboard needs TensorBoard, which is not installed: "
                "pip install 'musegen[tensorboard]'"
            )
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder))

    def __enter__(self) -> "TensorBoardObserver":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def stepped(self, report: StepReport) -> None:
        """A step was made."""
        for name, value in (
            ("train/nats_per_note", report.nats_per_note),
            ("train/gradient_norm", report.gradient_norm),
            ("train/learning_rate", report.learning_rate),
            ("speed/rows_per_second", report.rows_per_second),
        ):
            if math.isfinite(value):
                self._put(name, value, report.step)

    def evaluated(self, step: int, result: Likelihood, best: bool) -> None:
        """The model was judged on held-out pieces."""
        self._put("held_out/nats_per_note", result.per_note, step)
        self._put("held_out/note_fields", result.note_fields, step)
        for name, nats in result.by_field.items():
            self._put(f"held_out_fields/{name}", nats, step)

    def saved(self, folder: Path, step: int) -> None:
        """The checkpoint was written."""
        self._writer.flush()

    def noted(self, message: str) -> None:
        """Nothing to draw."""

    def _put(self, name: str, value: float, step: int) -> None:
        self._writer.add_scalar(name, value, step)
