"""The processes that train together, as torchrun started them: which one this is, what all know.

Alone it is a team of one. Numbers that all must agree on go through here; gradients go through
torch's DistributedDataParallel. Nothing is pickled on the way.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from musegen.errors import SettingError

PATIENCE = timedelta(hours=24)
"""How long a process waits for the first one, which may be reading a million files."""


class Team:
    """One of `size` processes; `rank` 0 is the first, which writes and speaks."""

    def __init__(self, rank: int = 0, size: int = 1, local_rank: int = 0) -> None:
        self.rank, self.size, self.local_rank = rank, size, local_rank
        self.talk: dist.ProcessGroup | None = None
        """What the members say goes through a group of its own; None is the default one."""

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def device(self, name: str) -> str:
        """The device of this process where all have the kind `name`: each GPU serves one."""
        if name != "cuda" or self.size == 1:
            return name
        if self.local_rank >= torch.cuda.device_count():
            raise SettingError(
                f"{self.size} processes, but {torch.cuda.device_count()} GPUs here: start torchrun "
                "with --nproc-per-node at most so many"
            )
        return f"cuda:{self.local_rank}"

    def parts(self, count: int) -> range:
        """Which of the `count` batches of a step are this process's."""
        if count % self.size:
            raise SettingError(
                f"{self.size} processes cannot share the {count} batches of a step evenly: set "
                f"train.accumulate to a multiple of {self.size}, and batches.rows_per_step to as "
                "much less if a step is to stay as large as it was"
            )
        return range(self.rank, count, self.size)

    def wrapped(self, module: nn.Module, device: str) -> nn.Module:
        """The module with gradients that are the mean over the team."""
        if self.size == 1:
            return module
        devices = [torch.device(device)] if device.startswith("cuda") else None
        return DistributedDataParallel(
            module,
            device_ids=devices,
            find_unused_parameters=True,  # a batch may hold no row of some kind
        )

    def without_sync(self, module: nn.Module, more: bool) -> AbstractContextManager[None]:
        """Inside, gradients only add up where `more` batches of this step are to come."""
        if more and isinstance(module, DistributedDataParallel):
            held: AbstractContextManager[None] = module.no_sync()
            return held
        return nullcontext()

    def told(self, numbers: Sequence[float]) -> list[list[float]]:
        """The numbers that each process of the team says here, the first one's first."""
        if self.size == 1:
            return [list(numbers)]
        mine = torch.tensor(list(numbers), dtype=torch.float64)
        heard = [torch.zeros_like(mine) for _ in range(self.size)]
        dist.all_gather(heard, mine, group=self.talk)
        return [said.tolist() for said in heard]

    def wait(self) -> None:
        """All have come this far."""
        self.told([0.0])


def begun_by_torchrun() -> bool:
    """Whether this process is one of several that torchrun started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def team() -> Iterator[Team]:
    """The team that this process belongs to, connected as long as the block lasts.

    What the members say has a group of its own, whose threads end with the block: those of the
    default group live on (DistributedDataParallel keeps it), and one that still lets go of a
    Python tensor when the interpreter ends aborts the process, in one run of ten.
    """
    if not begun_by_torchrun():
        yield Team()
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    one = Team(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))
    one.talk = dist.new_group(timeout=PATIENCE, backend="gloo")
    try:
        yield one
    finally:
        one.talk = None
        dist.destroy_process_group()
