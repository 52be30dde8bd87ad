"""The processes of one run: one alone, or several started by `dptn train`, `accelerate launch` or torchrun.

Every process holds the whole network and a part of each batch; gradients are averaged in one message after the
backward pass. The network is small (40 MB of gradients): that costs less than the bookkeeping of doing it on the way,
and on a CPU, where each core has a process that computes, there would be nobody to do it meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Processes:
    """Who takes part in a run.

    Attributes:
        count: How many processes.
        rank: Which one this is; number 0 is the one that writes files and talks.
        device: What this one computes on.
        accelerator: Hugging Face's Accelerator, where there are several.
    """

    count: int
    rank: int
    device: torch.device
    accelerator: Any = None

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and talks."""
        return self.rank == 0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over all processes, in place."""
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.float().flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        flat /= self.count
        for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view(tensor.shape))

    def anybody(self, said: bool) -> bool:
        """Whether any process says so; all of them must ask."""
        if self.count == 1:
            return said
        heard = self.accelerator.reduce(torch.tensor([float(said)], device=self.device), reduction="sum")
        return bool(heard.item() > 0)

    def gather(self, thing: Thing) -> list[Thing]:
        """What each process has, by rank; all of them must ask, and all receive it."""
        if self.count == 1:
            return [thing]
        from accelerate.utils import gather_object

        found: list[Thing] = gather_object([thing])
        return found

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.count > 1:
            self.accelerator.wait_for_everyone()

    def end(self) -> None:
        """Take leave of the others."""
        if self.count > 1:
            self.accelerator.end_training()


def place() -> tuple[int, int]:
    """This process's number among those started together, and how many they are; known before it has joined them."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def sharing_memory() -> int:
    """How many of the processes started together are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is number 0 of those started together, or alone."""
    return place()[0] == 0


def alone(device: torch.device) -> Processes:
    """This process, which does all of the work."""
    return Processes(1, 0, device)


def join_processes(device: torch.device) -> Processes:
    """Take part in the run that this process was started for, or be alone.

    Args:
        device: what to compute on; of several GPUs each process takes its own.

    Raises:
        ModuleNotFoundError: several processes were started and accelerate is not installed.
    """
    if place()[1] == 1:
        return alone(device)
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=device.type == "cpu")
    own = device if device.type == "cpu" else accelerator.device  # "cpu:0" cannot be read back from a checkpoint
    return Processes(accelerator.num_processes, accelerator.process_index, own, accelerator)
