"""What the detectors need, and where it may lie already. Nothing here goes to the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .extraction_error import ExtractionError
from .optional_packages import optional_package

_FOLDER_FILES: Final = ("config.json", "model.safetensors", "preprocessor_config.json")


@dataclass(frozen=True)
class Weights:
    """Published weights of one network.

    Attributes:
        name: What people call it.
        repository: Owner and name on the Hugging Face hub.
        files: The files needed: one, or those of a whole model folder.
        licence: In words.
        megabytes: Size of the files together, in 10^6 bytes.
    """

    name: str
    repository: str
    files: tuple[str, ...]
    licence: str
    megabytes: int

    @property
    def is_folder(self) -> bool:
        """Whether a loader takes the folder and not a file."""
        return len(self.files) > 1

    @property
    def page(self) -> str:
        """Where people find it."""
        return f"https://huggingface.co/{self.repository}"

    def path_in(self, folder: Path) -> Path:
        """What a loader takes, where `folder` holds the files."""
        return folder if self.is_folder else folder / self.files[0]


OPENPOSE_BODY: Final = Weights(
    "OpenPose body", "lllyasviel/Annotators", ("body_pose_model.pth",), "CMU, non-commercial use only", 209
)
VITPOSE: Final = Weights("ViTPose", "usyd-community/vitpose-base-simple", _FOLDER_FILES, "Apache-2.0", 343)
PERSONS: Final = Weights("RT-DETR (finds people)", "PekingU/rtdetr_r50vd_coco_o365", _FOLDER_FILES, "Apache-2.0", 172)


def find_weights(weights: Weights, folders: Sequence[Path]) -> Path | None:
    """Look in folders, in order, then in the Hugging Face cache (HF_HOME, HF_HUB_CACHE).

    In each folder: a single file itself, then <owner>/<repository>/ and <repository>/, which is how downloads and
    the `ckpts` folder of comfyui_controlnet_aux are laid out. Empty files and incomplete folders do not count.

    Returns:
        The file, or the folder of a model that is one, or None.
    """
    for place in _places(weights, folders):
        if all(is_there(place / name) for name in weights.files):
            return weights.path_in(place)
    return None


def missing_weights_message(weights: Weights, folders: Sequence[Path]) -> str:
    """Say what is missing, where to put it, and where it comes from.

    Args:
        weights: What was not found.
        folders: Where it was looked for; the first is where to put it.
    """
    into = None
    if folders:
        into = Path(folders[0]) / weights.repository.split("/")[1] if weights.is_folder else Path(folders[0])
    return f"the weights of {weights.name} were not found: {by_hand(weights, into)}. Or enable the download"


def by_hand(weights: Weights, into: Path | None) -> str:
    """How to get the weights oneself; `into` is the folder of the files."""
    files = " and ".join(filter(None, [", ".join(weights.files[:-1]), weights.files[-1]]))
    place = f" and put {'them' if weights.is_folder else 'it'} into {into}" if into else ""
    return f"download {files} ({weights.megabytes} MB, licence {weights.licence}) from {weights.page}{place}"


def _places(weights: Weights, folders: Sequence[Path]) -> Iterator[Path]:
    owner, repository = weights.repository.split("/")
    for folder in folders:
        if not weights.is_folder:
            yield Path(folder)
        yield Path(folder) / owner / repository
        yield Path(folder) / repository
    yield from _cached(weights)


def _cached(weights: Weights) -> Iterator[Path]:
    try:
        hub = optional_package("huggingface_hub", "")
    except ExtractionError:  # then there is no cache of its either
        return
    # Other files count only where this one lies: a cache holds several versions side by side.
    found = hub.try_to_load_from_cache(weights.repository, weights.files[0])
    if isinstance(found, str):  # and not the mark for "known not to exist"
        yield Path(found).parent


def is_there(path: Path) -> bool:
    """Whether there is such a file, with something in it."""
    return path.is_file() and path.stat().st_size > 0
