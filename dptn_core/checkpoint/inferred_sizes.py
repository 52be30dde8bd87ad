"""The sizes of a generator, read from the shapes of its weights, and whether the weights fit them."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from ..network import Generator, GeneratorConfig, keep_norms_fp32
from .checkpoint_error import CheckpointError, listed
from .tensor_names import Weights

_MAX_FEATURES: Final = 2**16  # beyond, a damaged or hostile file would have us reserve all memory
_COUNTER: Final = ".num_batches_tracked"


def layout(config: GeneratorConfig, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Names, shapes and dtypes of a generator's weights at a precision, as tensors without memory."""
    with torch.device("meta"):
        network = Generator(config).to(dtype)
    keep_norms_fp32(network)
    return network.state_dict()


def infer_config(weights: Weights, heads: int) -> GeneratorConfig:
    """Read the sizes from the shapes; heads leave no trace in them, so they are told.

    `max_features` shows only where it limits a width; otherwise it is the default or the greatest width.

    Raises:
        CheckpointError: The convolutions everything is read from are missing, or no network has such sizes.
    """
    with_poses, alone = (_first_convolution(weights, encoder) for encoder in ("pose_encoder", "source_encoder"))
    base, image_channels = with_poses[0], alone[1]
    widths = _widths(weights, base)
    widest = max(widths.values())
    limited = any(width < base * 2**step for step, width in widths.items())
    if widest > _MAX_FEATURES:
        raise CheckpointError(
            f"it has {widest} features in one layer, more than any DPTN: it is damaged; download it again"
        )
    try:
        return GeneratorConfig(
            image_channels=image_channels,
            pose_channels=_pose_channels(with_poses[1], image_channels),
            base_features=base,
            max_features=widest if limited else max(widest, GeneratorConfig.max_features),
            down_steps=1 + _blocks(weights, "pose_encoder.blocks."),
            residual_blocks=_blocks(weights, "residual_blocks."),
            heads=heads,
            context_blocks=_blocks(weights, "pose_transformer.context_blocks."),
            texture_blocks=max(1, _blocks(weights, "pose_transformer.texture_blocks.")),
            norm="batch" if any(name.endswith("running_mean") for name in weights.tensors) else "instance",
        )
    except ValueError as error:
        raise CheckpointError(
            f"no network has the sizes of its weights: {error}. If that is the heads, which weights do not "
            "show, state them (heads=...); otherwise choose another checkpoint"
        ) from error


def check_stated_config(stated: GeneratorConfig, weights: Weights) -> None:
    """Refuse a config of the metadata that its own weights contradict, before anything of its size is built.

    Raises:
        CheckpointError: A size differs.
    """
    inferred = infer_config(weights, stated.heads)
    # Of max_features the weights show only what it does to the widths.
    pairs = {name: (value, inferred.to_dict()[name]) for name, value in stated.to_dict().items()}
    pairs["max_features"] = (stated.token_features, inferred.token_features)
    for name, (said, found) in pairs.items():
        if said != found:
            raise CheckpointError(
                f"its metadata says {name} {said}, its weights show {found}: the file was edited or "
                "damaged; download or convert it again"
            )


def check_layout(weights: Weights, config: GeneratorConfig) -> None:
    """Refuse weights that are not exactly those of a generator of these sizes.

    Raises:
        CheckpointError: Tensors are missing, superfluous or of another shape; the first few are named.
    """
    expected = layout(config)
    # The counters are of no use here, and files from before torch 0.4.1 have none.
    missing = [name for name in expected if name not in weights.tensors and not name.endswith(_COUNTER)]
    surplus = [weights.spelled(name) for name in weights.tensors if name not in expected]
    _refuse_names([weights.spelled(name) for name in missing], [*weights.unknown, *surplus], len(expected))
    wrong = [
        f"{weights.spelled(name)} is {tuple(tensor.shape)}, expected {tuple(expected[name].shape)}"
        for name, tensor in weights.tensors.items()
        if tensor.shape != expected[name].shape
    ]
    if wrong:
        raise CheckpointError(
            f"{len(wrong)} of its tensors have shapes that do not fit the others: {listed(wrong, most=3)}. "
            "The file mixes several networks or is another variant of DPTN: use the unmodified checkpoint"
        )


def _refuse_names(missing: list[str], surplus: list[str], expected: int) -> None:
    found = [
        f"{what} {len(names)} {adjective} ({listed(names)})"
        for what, adjective, names in (
            ("lacks", f"of the {expected} tensors of a DPTN generator", missing),
            ("has", "unknown ones", surplus),
        )
        if names
    ]
    if found:
        raise CheckpointError(
            f"it {' and '.join(found)}: it is incomplete or of another architecture. Choose a DPTN "
            "generator, .safetensors, or *_net_G.pth of the authors"
        )


def _first_convolution(weights: Weights, encoder: str) -> tuple[int, ...]:
    name = f"{encoder}.first.down.weight"
    if name not in weights.tensors:
        check_layout(weights, GeneratorConfig())  # says in full what is missing
        raise CheckpointError(f"it lacks {weights.spelled(name)}: choose a complete DPTN generator")
    shape = tuple(weights.tensors[name].shape)
    if len(shape) != 4:
        raise CheckpointError(
            f"{weights.spelled(name)} is {shape}, expected (features, channels, 4, 4): this is another "
            "architecture; choose a DPTN generator"
        )
    return shape


def _widths(weights: Weights, base: int) -> dict[int, int]:
    """Features after each encoder block, by its step from 0; one whose convolution is missing is left out."""
    widths = {0: base}
    for step in range(1, 1 + _blocks(weights, "pose_encoder.blocks.")):
        convolution = weights.tensors.get(f"pose_encoder.blocks.{step - 1}.down.weight")
        if convolution is not None and convolution.ndim == 4:
            widths[step] = convolution.shape[0]
    return widths


def _pose_channels(in_channels: int, image_channels: int) -> int:
    both_poses = in_channels - image_channels
    if both_poses < 2 or both_poses % 2:
        raise CheckpointError(
            f"its first convolution sees {in_channels} channels, expected {image_channels} of the image "
            "and twice those of a pose: this is another architecture; choose a DPTN generator"
        )
    return both_poses // 2


def _blocks(weights: Weights, prefix: str) -> int:
    numbers = {name.removeprefix(prefix).partition(".")[0] for name in weights.tensors if name.startswith(prefix)}
    return len(numbers)
