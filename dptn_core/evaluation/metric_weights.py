"""Files with the weights that metrics need: looked for, never downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # only the error; nothing is unpickled as code

import torch
from torch import Tensor, nn


class MetricWeightsError(ValueError):
    """Weights that were asked for are not there or are something else; the message names file and way out."""


@dataclass(frozen=True)
class WantedWeights:
    """A file of torchvision's.

    Attributes:
        what: What the weights are of.
        pattern: Of the file's name, as torchvision caches it.
        url: Where it can be had.
        option: Of `dptn evaluate` that names the file.
    """

    what: str
    pattern: str
    url: str
    option: str

    def find(self, path: Path | None) -> Path | None:
        """The file at `path`, or the one in torch's cache, or None.

        Raises:
            MetricWeightsError: `path` names no file.
        """
        if path is not None:
            if not path.is_file():
                raise MetricWeightsError(f"{self.option} names {path}, which is no file; give {self.pattern}")
            return path
        cached = sorted(_cache().glob(self.pattern))
        return cached[0] if cached else None

    @property
    def missing(self) -> str:
        """What to say where `find` found nothing."""
        return (
            f"wants {self.pattern} ({self.what}), looked for in {_cache()}; "
            f"download {self.url} and put it there or name it with {self.option}"
        )


ALEXNET = WantedWeights(
    "torchvision's AlexNet",
    "alexnet-owt-*.pth",
    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    "--alexnet-weights",
)
INCEPTION = WantedWeights(
    "torchvision's Inception v3",
    "inception_v3_google-*.pth",
    "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
    "--inception-weights",
)


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def read_weights(path: Path, what: str) -> dict[str, Tensor]:
    """Tensors of a .pth or .safetensors file by name, on the CPU; nothing in it is run.

    Raises:
        MetricWeightsError: it holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            found = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
            raise ValueError("it holds no tensors by name")
    except Exception as error:
        said = str(error).partition("\n")[0][:200]
        if isinstance(error, UnpicklingError):
            said = "it holds more than weights, or is damaged"
        raise MetricWeightsError(f"{path} does not hold {what}: {said}") from error
    return dict(found)


def fill(network: nn.Module, weights: dict[str, Tensor], path: Path, what: str) -> None:
    """Put weights into a network, all of them.

    Raises:
        MetricWeightsError: names or shapes do not fit.
    """
    try:
        network.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise MetricWeightsError(f"{path} does not hold {what}: {reason}") from error
