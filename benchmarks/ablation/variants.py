"""The networks that are compared: DPTN, and DPTN with one thing taken away or added."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dptn_core.network import Generator, GeneratorConfig, SourceFeatures, initialise
from dptn_core.training.state import TrainingState, new_state
from dptn_core.training.training_config import LossConfig, TrainingConfig

# Of the first, orthogonal convolutions; the paper's 0.02 starts slower than a budget this small can wait for.
_GAIN = 1.0


class _WholeWalkOnly(Generator):
    """A generator that draws by `forward` alone, as training does."""

    def encode_source(self, image: Tensor, source_heatmaps: Tensor) -> SourceFeatures:
        """Refused: the product's shortcut for one source in many poses would not draw what these networks draw."""
        raise NotImplementedError(f"{type(self).__name__} draws by forward or forward_with_attention only")


class WithoutSelfReconstruction(_WholeWalkOnly):
    """No self-reconstruction branch: the Context Augment Blocks see the transformation features instead.

    The same parameters as the full network, one encoder pass and one decoder pass less.
    """

    def forward_with_attention(
        self, image: Tensor, source_heatmaps: Tensor, target_heatmaps: Tensor, layers: Sequence[int]
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """See Generator; the second image is the source itself, as nothing is reconstructed."""
        layers = [self.checked_layer(layer) for layer in layers]
        features = self._encode_pose(self._convolve_source(image, source_heatmaps), target_heatmaps)
        transformation, texture = (part.flatten(2).transpose(1, 2) for part in (features, self.source_encoder(image)))
        source = self.pose_transformer.encode_source(transformation, texture)
        tokens, attention = self.pose_transformer.forward_with_attention(transformation, source, layers)
        target = self._decode(tokens.transpose(1, 2).reshape(features.shape))
        return target, image, [attention[layer].mean(dim=1) for layer in layers]


class WithoutPoseTransformer(_WholeWalkOnly):
    """No Pose Transformer Module: the decoder draws both tasks straight from the encoder's features.

    The source encoder goes too, as only the module reads it.
    """

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        """Build as `Generator` does, less what is not used."""
        super().__init__(config)
        self.pose_transformer = _Absent()  # type: ignore[assignment]  # there is none
        self.source_encoder = _Absent()  # type: ignore[assignment]

    def forward_with_attention(
        self, image: Tensor, source_heatmaps: Tensor, target_heatmaps: Tensor, layers: Sequence[int]
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """See Generator; there is no attention, whatever layers are asked for."""
        reconstruction, transformation = self._encode_both(image, source_heatmaps, target_heatmaps)
        target, source = self._decode(torch.cat([transformation, reconstruction])).chunk(2)
        return target, source, []


class _Absent(nn.Module):
    """Where a part was taken out; it has no parameters and cannot be called."""


@dataclass(frozen=True)
class Variant:
    """One row of the table.

    Attributes:
        name: as the table has it.
        key: as files have it.
        network: what is trained.
        target_share: weight of the target's loss terms; the rest is the self-reconstruction's.
        attention: weight of the loss on the cross-attention.
    """

    name: str
    key: str
    network: type[Generator] = Generator
    target_share: float = 0.5
    attention: float = 0.0

    def losses(self, common: LossConfig) -> LossConfig:
        """The objective all variants share, with this one's weights."""
        return dataclasses.replace(common, target_share=self.target_share, attention=self.attention)


FULL = Variant("full DPTN", "full")
VARIANTS = (
    FULL,
    Variant("without self-reconstruction branch", "without-reconstruction", WithoutSelfReconstruction, 1.0),
    Variant("without PTM", "without-ptm", WithoutPoseTransformer),
    Variant("with attention supervision", "supervised", attention=LossConfig().attention),
)


def new_variant_state(variant: Variant, config: TrainingConfig, device: torch.device) -> TrainingState:
    """A state to train `variant` from; with the same seed all variants begin with the same weights."""
    state = new_state(config, device)
    # All start as the full network does, since a part left out would shift the random numbers of those after it.
    full, generator = Generator(config.generator), variant.network(config.generator)
    torch.manual_seed(config.run.seed)
    initialise(full, _GAIN)
    kept = generator.state_dict().keys()
    generator.load_state_dict({name: value for name, value in full.state_dict().items() if name in kept})
    generator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    betas = (config.optimiser.beta1, config.optimiser.beta2)
    return dataclasses.replace(
        state,
        generator=generator.train(),
        ema=copy.deepcopy(generator).eval().requires_grad_(False),
        generator_optimiser=torch.optim.Adam(generator.parameters(), betas=betas),
    )
