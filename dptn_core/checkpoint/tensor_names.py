"""From the names in a file to ours: every spelling of the authors' checkpoints, and our own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ..network import canonical_official, official_to_ours, ours_to_official
from ..network.official_names import Network
from .checkpoint_error import CheckpointError, listed

_PARALLEL: Final = "module."  # put in front by torch.nn.DataParallel
_OLD_TRANSFORMER: Final = ("transformer.", "PTM.")
_COUNTER: Final = "num_batches_tracked"  # a whole number; absent before torch 0.4.1


@dataclass(frozen=True)
class Weights:
    """The tensors of a file that belong to a generator, by our names.

    Attributes:
        tensors: fp32, in CPU memory, all finite; counters of batch norms as they are.
        keys: The names the file uses, by ours.
        unknown: Names in the file that belong to no generator.
        official: The file uses the authors' names.
    """

    tensors: Mapping[str, Tensor]
    keys: Mapping[str, str]
    unknown: tuple[str, ...]
    official: bool

    def spelled(self, name: str) -> str:
        """Our name as this file spells it or would."""
        return self.keys.get(name) or (ours_to_official(name) if self.official else name)


def recognise(tensors: Mapping[str, Tensor], file_name: str) -> Weights:
    """Sort a file's tensors by our names.

    Args:
        tensors: By the file's names.
        file_name: For a discriminator, to name the generator beside it.

    Raises:
        CheckpointError: They are those of a discriminator or of something else, one tensor given under two
            names differs between them, or one is not made of finite floating point numbers.
    """
    names = {key: _ours(key) for key in tensors}
    unknown = tuple(key for key, name in names.items() if name is None)
    _refuse_discriminator(names, file_name)
    found: dict[str, Tensor] = {}
    keys: dict[str, str] = {}
    for key, name in names.items():
        if name is None:
            continue
        tensor = _numbers(key, tensors[key])
        if name in found and not torch.equal(found[name], tensor):
            raise CheckpointError(
                f"{keys[name]} and {key} are two names of one tensor, yet differ: the file was edited or "
                "damaged; download it again"
            )
        found.setdefault(name, tensor)
        keys.setdefault(name, key)
    if not found:
        raise CheckpointError(
            f"it is of another architecture: none of its {len(tensors)} tensors ({listed(list(tensors))}) is "
            "one of DPTN's. Choose a DPTN generator: .safetensors, or *_net_G.pth of the authors"
        )
    official = any(key.removeprefix(_PARALLEL) != name for name, key in keys.items())
    return Weights(found, keys, unknown, official)


def _ours(key: str) -> str | None:
    key = key.removeprefix(_PARALLEL)
    old, new = _OLD_TRANSFORMER
    official = new + key.removeprefix(old) if key.startswith(old) else key
    try:
        return official_to_ours(canonical_official(official))
    except KeyError:
        return key if _is_known(ours_to_official, key, "generator") else None


def _refuse_discriminator(keys: Collection[str], file_name: str) -> None:
    # Most keys, not any: some of its names mean a tensor of the generator, others are common in any network.
    if 2 * sum(_is_of_discriminator(key.removeprefix(_PARALLEL)) for key in keys) <= len(keys):
        return
    generator = file_name.replace("_net_D", "_net_G") if "_net_D" in file_name else "latest_net_G.pth"
    raise CheckpointError(
        "it holds the discriminator, which only judges images while training. Choose the generator beside "
        f"it, *_net_G.pth (here {generator})"
    )


def _is_of_discriminator(key: str) -> bool:
    return _is_known(official_to_ours, key, "discriminator") or _is_known(ours_to_official, key, "discriminator")


def _is_known(translate: Callable[[str, Network], str], key: str, network: Network) -> bool:
    try:
        translate(key, network)
    except KeyError:
        return False
    return True


def _numbers(key: str, tensor: Tensor) -> Tensor:
    """Check one tensor and widen it to fp32."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        raise CheckpointError(f"{key} is sparse, quantised or without numbers: save it as plain fp32")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise CheckpointError(
            f"{key} claims the shape {tuple(tensor.shape)}, but fewer numbers are stored: the file is "
            "damaged; download it again"
        )
    if key.endswith(_COUNTER):
        return tensor.detach()
    if not tensor.is_floating_point():
        raise CheckpointError(
            f"expected floating point numbers in {key}, got {str(tensor.dtype).removeprefix('torch.')}: "
            "quantised checkpoints cannot be used; get the fp32, fp16 or bf16 one"
        )
    wide = tensor.detach().float()
    if not bool(torch.isfinite(wide).all()):
        raise CheckpointError(
            f"{key} holds NaN or infinite numbers, so the network cannot generate: the training run diverged or "
            "a conversion overflowed; use an earlier checkpoint or the fp32 file"
        )
    if key.endswith("running_var") and bool((wide < 0).any()):
        raise CheckpointError(f"{key} holds negative variances, so the file is damaged; download it again")
    return wide
