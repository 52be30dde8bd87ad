"""A loaded model: the network, ready to generate, and what must be known to use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from ..network import Generator, GeneratorConfig, keep_norms_fp32
from .checkpoint_error import CheckpointError
from .inferred_sizes import layout
from .metadata import Framing, ModelMetadata

DTYPES: Final = (torch.float32, torch.float16, torch.bfloat16)


@dataclass(frozen=True, eq=False)  # compared by identity: two models are the same if they are one
class DPTNModel:
    """A trained generator and how images and poses are prepared for it.

    Attributes:
        generator: In eval mode, without gradients; its norms are fp32 whatever `dtype` is.
        training_size: (H, W) in pixels the network was trained at, both divisible by `config.stride`.
        heatmap_sigma: Of the heat maps' Gaussians, in pixels at the training size.
        framing: How an image is brought to that size. "fit": a crop around the pose that keeps the aspect
            ratio. "stretch": the authors' way, a 176 x 256 crop (width x height) stretched to the size.
        provenance: Where the weights come from, as free text by name.

    Raises:
        ValueError: A fact is out of range; the message gives its name, the value and what is allowed.
    """

    generator: Generator
    training_size: tuple[int, int]
    heatmap_sigma: float
    framing: Framing
    provenance: Mapping[str, str]

    def __post_init__(self) -> None:
        """Refuse what no model was trained with."""
        _ = self.metadata  # checks its values as it is built

    @property
    def config(self) -> GeneratorConfig:
        """Sizes of the generator."""
        return self.generator.config

    @property
    def metadata(self) -> ModelMetadata:
        """Everything but the weights, as files hold it."""
        return ModelMetadata(self.config, self.training_size, self.heatmap_sigma, self.framing, dict(self.provenance))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.generator.output.convolution.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights, except those of norms, which are always fp32."""
        return self.generator.output.convolution.weight.dtype

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> DPTNModel:
        """Return the model elsewhere or in another precision; None leaves that as it is.

        This model is not changed: the result is a new one, with its own weights, unless there is nothing to
        do. Norms keep their fp32 weights. Going to fp32 does not bring back what a half precision dropped.

        Raises:
            ValueError: `dtype` is none of torch.float32, torch.float16 and torch.bfloat16.
            CheckpointError: A weight is too large for fp16; the message names it.
        """
        # Through a tensor, as "cuda" alone is not equal to the "cuda:0" that weights say they are on.
        device = self.device if device is None else torch.empty(0, device=device).device
        dtype = self.dtype if dtype is None else dtype
        if (device, dtype) == (self.device, self.dtype):
            return self
        return replace(self, generator=build_generator(self.config, self.generator.state_dict(), device, dtype))


def build_generator(
    config: GeneratorConfig, weights: Mapping[str, Tensor], device: torch.device | str, dtype: torch.dtype
) -> Generator:
    """Build a generator for inference: eval mode, no gradients, weights copied.

    Args:
        config: Sizes of the network.
        weights: By our names, complete. Counters of batch norms may be missing.
        device: Where the network goes.
        dtype: Of everything but norms, which stay fp32.

    Raises:
        ValueError: `dtype` is none of torch.float32, torch.float16 and torch.bfloat16.
        CheckpointError: A weight is too large for fp16; the message names it.
    """
    converted = convert_weights(config, weights, dtype)
    # ComfyUI runs nodes in inference mode, and weights made in it could never be updated outside it; and
    # loading a model must not shift the caller's random numbers, which torch's initialisation takes from.
    with torch.inference_mode(False), torch.random.fork_rng(devices=[]):
        generator = Generator(config).to(dtype)
        keep_norms_fp32(generator)
        generator.load_state_dict(converted, strict=True)
        return generator.to(device).eval().requires_grad_(False)


def convert_weights(config: GeneratorConfig, weights: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Complete a generator's weights and convert them to a precision, norms to fp32.

    Raises:
        ValueError: `dtype` is none of torch.float32, torch.float16 and torch.bfloat16.
        CheckpointError: A weight is too large for `dtype`; the message names it.
    """
    if dtype not in DTYPES:
        raise ValueError(f"expected one of {', '.join(str(allowed) for allowed in DTYPES)} for dtype, got {dtype}")
    converted = {}
    for name, slot in layout(config, dtype).items():
        wide = weights.get(name)
        if wide is None:
            wide = torch.zeros(slot.shape, dtype=slot.dtype)  # a counter of batches, which only training reads
        converted[name] = wide.detach().to(slot.dtype)
        if not bool(torch.isfinite(converted[name]).all()):
            raise CheckpointError(
                f"{name} reaches {wide.abs().max().item():g}, which is not a finite number in {dtype}: "
                "use torch.bfloat16 or torch.float32"
            )
    return converted
