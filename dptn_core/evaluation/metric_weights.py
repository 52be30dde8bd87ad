"""Files with the weights that metrics need: looked for, never downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from ..checkpoint.weight_files import WeightFileError


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
            WeightFileError: `path` names no file.
        """
        if path is not None:
            if not path.is_file():
                raise WeightFileError(f"{self.option} names {path}, which is not a file; give {self.pattern}")
            return path
        cached = sorted(_cache().glob(self.pattern))
        return cached[0] if cached else None

    @property
    def missing(self) -> str:
        """What to say where `find` found nothing."""
        return (
            f"needs {self.pattern} ({self.what}; not found in {_cache()}); "
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
