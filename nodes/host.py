"""Everything the nodes use of ComfyUI. The only file that imports `comfy`, `comfy_api` and `folder_paths`."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import comfy.model_management as model_management
import comfy.model_patcher
import comfy.utils
import folder_paths
import torch
from comfy_api.latest import ComfyExtension, io, ui
from PIL import Image

from ..dptn_core.image_io import to_bytes
from ..dptn_core.system.files import written_beside
from .listing import files_below

__all__ = ["ComfyExtension", "io", "ui"]

MODEL_FOLDER = "dptn"
_MODEL_SUFFIXES = {".safetensors", ".pth", ".pt"}
Item = TypeVar("Item")


def search_words(*words: str) -> dict[str, Any]:
    """Other words artists search a node by, for the schema; hosts before 0.11 know none."""
    known = inspect.signature(io.Schema).parameters
    return {"search_aliases": list(words)} if "search_aliases" in known else {}


def advanced() -> dict[str, Any]:
    """Marks an input that few people need, for the schema; hosts that cannot say so show it among the others."""
    known = inspect.signature(io.Int.Input.__init__).parameters
    return {"advanced": True} if "advanced" in known else {}


def register_folders() -> None:
    """Make `models/dptn` known, beside what `extra_model_paths.yaml` may already have said about it."""
    folder_paths.add_model_folder_path(MODEL_FOLDER, str(Path(folder_paths.models_dir) / MODEL_FOLDER))
    paths, _ = folder_paths.folder_names_and_paths[MODEL_FOLDER]
    # added without suffixes, which the host takes for "list every file"
    folder_paths.folder_names_and_paths[MODEL_FOLDER] = (paths, set(_MODEL_SUFFIXES))


def model_files() -> list[str]:
    """Names of the files in `models/dptn`, without those of pose detectors."""
    return [name for name in folder_paths.get_filename_list(MODEL_FOLDER) if Path(name).parts[0] != "annotators"]


def model_path(name: str) -> Path:
    """Path of one of `model_files`; raises the host's own error where it is gone."""
    return Path(folder_paths.get_full_path_or_raise(MODEL_FOLDER, name))


def annotator_folders() -> list[Path]:
    """Where weights of pose detectors may lie, first the one new ones belong into."""
    own = [Path(folder) / "annotators" for folder in folder_paths.get_folder_paths(MODEL_FOLDER)]
    packs = [Path(folder) for folder in folder_paths.get_folder_paths("custom_nodes")]
    aux = [pack / name / "ckpts" for pack in packs for name in ("comfyui_controlnet_aux", "ComfyUI-controlnet_aux")]
    return [*own, *aux]


def annotated(file: str) -> tuple[str, Path, str]:
    """Name, folder and the folder's word of a file that front ends name as "x.png", "x.png [output]" and so on."""
    name, folder = folder_paths.annotated_filepath(file)
    words = file[len(name) :].strip(" []") or "input"
    return name, Path(folder or folder_paths.get_input_directory()), words


def input_files(*suffixes: str) -> list[str]:
    """Files of the input folder and the folders in it that end with a suffix in any case, relative to it."""
    return sorted(files_below(Path(folder_paths.get_input_directory()), *suffixes))


def numbered_output(prefix: str) -> tuple[Path, str, int, str]:
    """Folder, name, next number and subfolder for a file saved under `prefix`, by the host's own rules."""
    folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, folder_paths.get_output_directory())
    return Path(folder), name, counter, subfolder


def send_file(prefix: str, content: bytes) -> dict[str, str]:
    """Put bytes where the browser can fetch them: a new file of the temp folder, which the host empties when it starts.

    Returns:
        What the host's `/view` finds it by.
    """
    # no suffix that would make a server unpack or turn what it sends
    name = f"{prefix}_{uuid4().hex}.bin"
    with written_beside(Path(folder_paths.get_temp_directory()) / name) as path:
        path.write_bytes(content)
    return {"filename": name, "subfolder": "", "type": "temp"}


def send_image(prefix: str, image: torch.Tensor, suffix: str = ".png") -> dict[str, str]:
    """Put an image where the browser can fetch it, in the temp folder; the same image always under the same name.

    So an image that comes again is neither written nor fetched again.

    Args:
        prefix: what its name begins with.
        image: (3, H, W) in [0, 1].
        suffix: the format: ".jpg" is quicker than ".png", for images that are soon replaced.

    Returns:
        What the host's `/view` finds it by.

    Raises:
        OSError: it cannot be written, as on a full disk.
    """
    pixels = to_bytes(image)
    digest = hashlib.blake2b(pixels.tobytes(), digest_size=16, person=str(pixels.shape).encode()[:16])
    path = Path(folder_paths.get_temp_directory()) / f"{prefix}_{digest.hexdigest()}{suffix}"
    if path.exists():
        path.touch()  # for `keep_newest`
    else:
        # beside and renamed, but not forced to the disk: that takes longer than all the rest
        beside = path.with_name(f".{uuid4().hex}{suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)  # people empty it while the host runs
        try:
            Image.fromarray(pixels).save(beside, compress_level=1, quality=90)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    return {"filename": path.name, "subfolder": "", "type": "temp"}


def keep_newest(prefix: str, count: int) -> None:
    """Remove all but the newest `count` files that `send_image` wrote under a prefix."""
    with suppress(OSError):  # another thread removes them too, or a browser reads one on Windows
        sent = Path(folder_paths.get_temp_directory()).glob(f"{prefix}_*")
        for path in sorted(sent, key=lambda one: one.stat().st_mtime_ns)[:-count]:
            path.unlink()


def compute_device() -> torch.device:
    """Where networks run."""
    device: torch.device = model_management.get_torch_device()
    return device


def result_device() -> torch.device:
    """Where results lie between nodes."""
    device: torch.device = model_management.intermediate_device()
    return device


def free_memory() -> int:
    """Bytes that are free where results lie."""
    return int(model_management.get_free_memory(result_device()))


def fp32_is_forced() -> bool:
    """Whether the host was started with --force-fp32."""
    return bool(getattr(model_management, "FORCE_FP32", False))


def managed(network: torch.nn.Module) -> Any:
    """Hand a network to the host's memory management."""
    patcher = getattr(comfy.model_patcher, "CoreModelPatcher", comfy.model_patcher.ModelPatcher)
    # the patcher sets attributes on what it holds, which some networks forbid
    held = torch.nn.ModuleList([network])
    return patcher(
        held, load_device=model_management.get_torch_device(), offload_device=model_management.unet_offload_device()
    )


def bring_to_device(patchers: Iterable[Any], memory: int = 0) -> None:
    """Have the host load networks onto the computing device, with `memory` bytes of room to work in."""
    model_management.load_models_gpu(list(patchers), memory_required=memory)


@contextmanager
def cores_left_alone(wanted: bool) -> Iterator[None]:
    """Compute on half the processor's cores meanwhile, if `wanted`, so that a browser beside it stays responsive.

    Threads that wait for one another while a third party takes their core wait for long: with fewer of them, short work
    on a busy machine is done sooner.
    """
    threads = torch.get_num_threads()
    if wanted:
        torch.set_num_threads(max(1, threads // 2))
    try:
        yield
    finally:
        if wanted:
            torch.set_num_threads(threads)


def stop_if_interrupted() -> None:
    """Raise the host's own exception if the person pressed the stop button."""
    model_management.throw_exception_if_processing_interrupted()


def with_progress(items: Iterable[Item], total: int) -> Iterator[Item]:
    """`total` items one by one, with a progress bar; see `progress`."""
    show = progress(total)
    for done, item in enumerate(items, 1):
        yield item
        show(done)


def progress(total: int) -> Callable[[int], None]:
    """Show a progress bar on the running node.

    No image is shown meanwhile: front ends leave it on the node beside the result.

    Returns:
        Called with the steps done. Raises the host's own exception if the person pressed the stop button.
    """
    # a single step has nothing to show on the way, and each message makes the page render anew
    bar = comfy.utils.ProgressBar(total) if total > 1 else None

    def show(done: int) -> None:
        stop_if_interrupted()
        if bar is not None:
            bar.update_absolute(done, total)

    return show
