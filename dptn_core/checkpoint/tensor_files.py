"""From a file to named tensors, judged by what the file holds and not by what it is called.

Nothing here runs what a file says (`pickle_machine`).
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..system.files import NoFileError, opened_file
from .checkpoint_error import CheckpointError, listed
from .metadata import ModelMetadata
from .pickle_machine import ForbiddenName
from .torch_files import read_legacy_format, read_zip_format

# Where people put a generator's state dict inside a larger one; of several the first counts.
_WRAPPERS: Final = ("net_G", "generator", "state_dict", "model", "params")
_TRAINING_KIND: Final = "dptn-training"
_AGAIN: Final = "download or copy it again"
_MAX_TENSORS: Final = 2_000  # the authors' generator has 300 names; each one that is foreign costs a search


@dataclass(frozen=True)
class Contents:
    """The tensors of a file under its own names, and our metadata if it has any."""

    tensors: Mapping[str, Tensor]
    metadata: ModelMetadata | None


def read_contents(path: Path) -> Contents:
    """Read a file of either kind; tensors may still be mapped from it.

    Raises:
        CheckpointError: There is no such file, or it holds no named tensors.
    """
    start = _read_start(path)
    _refuse_downloads_gone_wrong(start)
    # The upper half of a header's length, and its opening brace. Looked for before the others, because the
    # lower half may look like theirs.
    if start[4:9] == b"\0\0\0\0{":
        return _read_safetensors(path)
    if start[257:262] == b"ustar":
        raise CheckpointError("this is a tar archive, not a checkpoint: unpack it and choose *_net_G.pth from it")
    if start.startswith(b"PK\x03\x04"):
        _check_archive(path)
        return _contents_of(_read_torch(read_zip_format, path))
    if start.startswith(b"\x80"):  # the opening of a pickle: how torch wrote files before 1.6
        return _contents_of(_read_torch(read_legacy_format, path))
    raise CheckpointError(
        f"it is neither a .safetensors file nor a torch checkpoint (it starts with {start[:8]!r}), "
        f"or too little of it is left: {_AGAIN}"
    )


def _read_start(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise CheckpointError("this is a folder: choose a .safetensors file or a *_net_G.pth checkpoint inside it")
        with opened_file(path) as file:
            start = file.read(1024)
    except NoFileError:
        raise CheckpointError("this is a device or a pipe: choose a file") from None
    except FileNotFoundError:
        raise CheckpointError("there is no such file: check the path, or download the model first") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"the file cannot be opened ({error}): check its name and its permissions") from error
    if not start:
        raise CheckpointError(f"the file is empty, 0 bytes: {_AGAIN}")
    return start


def _refuse_downloads_gone_wrong(start: bytes) -> None:
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError(
            "this is a git-lfs pointer, a note of where the weights are and not the weights: "
            "run `git lfs pull`, or download the file itself"
        )
    text = start.decode("utf-8", errors="ignore").lstrip("\ufeff \t\r\n")
    if text[:512].lower().startswith(("<!doctype", "<html", "<?xml", "<head", "<!--")):
        raise CheckpointError(
            "this is a web page, not a model: the link led to a page about the file. Open it in a browser "
            "and use its download button"
        )
    if _is_text(start):
        raise CheckpointError(
            f"this is a text file, not a model (it starts with {text[:40]!r}): download the model file itself"
        )


def _is_text(start: bytes) -> bool:
    text = start.decode("utf-8", errors="ignore")
    # The last character may be cut in two.
    undecoded = len(start) - len(text.encode())
    return undecoded < 4 and all(character.isprintable() or character in "\t\r\n\ufeff" for character in text)


def _read_safetensors(path: Path) -> Contents:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = ModelMetadata.from_metadata(file.metadata() or {})
            _check_count(len(file.keys()))
            return Contents({name: file.get_tensor(name) for name in file.keys()}, metadata)  # noqa: SIM118
    except (SafetensorError, OSError, RuntimeError) as error:
        raise CheckpointError(
            f"the .safetensors file is cut short or damaged ({_first_line(error)}): {_AGAIN}"
        ) from error


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise CheckpointError(
            f"the torch checkpoint is cut short or damaged ({_first_line(error)}): {_AGAIN}"
        ) from error
    files = {entry.filename.rpartition("/")[2] for entry in entries}
    if "data.pkl" not in files:
        raise CheckpointError("this is a zip archive, not a checkpoint: unpack it and choose *_net_G.pth from it")
    if "constants.pkl" in files:
        raise CheckpointError("this is a TorchScript program, not a checkpoint: save its state dict instead")
    if sum(entry.file_size for entry in entries) > 2 * path.stat().st_size:  # weights hardly compress
        raise CheckpointError(
            "the archive unpacks to many times its size, which no weights do: download it again from a source you trust"
        )


def _read_torch(read: Callable[[Path], object], path: Path) -> object:
    try:
        return read(path)
    except ForbiddenName as error:
        raise CheckpointError(
            f"besides weights it holds Python code or objects ({error.name[:100]}), which could do anything once "
            "opened, so it was not. Use the .safetensors version, or, where you trust the file, save the "
            "weights alone: torch.save(network.state_dict(), 'safe_net_G.pth')"
        ) from error
    except Exception as error:  # a damaged file may fail anywhere
        raise CheckpointError(
            f"it cannot be read: {_first_line(error)}. It is cut short or damaged, or no checkpoint of weights: "
            f"{_AGAIN}, or use the .safetensors version"
        ) from error


def _contents_of(loaded: object) -> Contents:
    if isinstance(loaded, Mapping) and loaded.get("kind") == _TRAINING_KIND:
        absent = [name for name in ("ema", "model_facts") if name not in loaded]
        if absent:
            raise CheckpointError(
                f"this training checkpoint lacks {' and '.join(absent)}: use another one of the same run"
            )
        return Contents(_named_tensors(loaded["ema"]), ModelMetadata.from_dict(loaded["model_facts"]))
    return Contents(_named_tensors(_unwrapped(loaded)), metadata=None)


def _unwrapped(loaded: object) -> object:
    for _ in range(3):  # {"state_dict": {"net_G": ...}} is the deepest anybody nests
        if not isinstance(loaded, Mapping):
            break
        loaded = next((loaded[key] for key in _WRAPPERS if isinstance(loaded.get(key), Mapping)), loaded)
    return loaded


def _named_tensors(loaded: object) -> Mapping[str, Tensor]:
    if not isinstance(loaded, Mapping):
        raise CheckpointError(
            f"it holds {type(loaded).__name__}, not a state dict (tensors by name): save network.state_dict()"
        )
    _check_count(len(loaded))
    others = [str(name) for name, value in loaded.items() if not isinstance(value, Tensor)]
    if others or not loaded:
        held = f"entries other than tensors ({listed(others)})" if others else "nothing"
        raise CheckpointError(
            f"it holds {held}, not a state dict (tensors by name): save network.state_dict(), alone or under "
            f"one of {', '.join(_WRAPPERS)}"
        )
    return {str(name): tensor for name, tensor in loaded.items()}


def _check_count(tensors: int) -> None:
    if tensors > _MAX_TENSORS:
        raise CheckpointError(
            f"it holds {tensors:,} tensors, more than any DPTN: it is of another architecture. Choose a DPTN "
            "generator, .safetensors, or *_net_G.pth of the authors"
        )


def _first_line(error: BaseException) -> str:
    return (str(error) or "no reason given").splitlines()[0][:200]
