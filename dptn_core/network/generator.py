"""The DPTN generator (paper section 3): two branches, one pose transformer, shared weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from .attention_target import AttentionTarget
from .blocks import DecoderBlock, EncoderBlock, FirstEncoderBlock, OutputBlock, ResidualBlock
from .pose_transformer import KeysAndValues, PoseTransformer
from .sizes import GeneratorConfig
from .source_features import SourceFeatures


class Encoder(nn.Module):
    """Halves the image `down_steps` times."""

    def __init__(self, in_channels: int, config: GeneratorConfig) -> None:
        """Build for `in_channels` input channels."""
        super().__init__()
        self.first = FirstEncoderBlock(in_channels, config.encoder_features(0), config.norm)
        self.blocks = nn.Sequential(
            *(
                EncoderBlock(config.encoder_features(step - 1), config.encoder_features(step), config.norm)
                for step in range(1, config.down_steps)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, token_features, H/stride, W/stride)."""
        features: Tensor = self.blocks(self.first(x))
        return features

    def after_first_convolution(self, convolved: Tensor) -> Tensor:
        """Go on from the sum of the first block's `leading` and `trailing` shares."""
        features: Tensor = self.blocks(self.first.finish(convolved))
        return features


class Decoder(nn.Module):
    """Doubles the features `down_steps` times."""

    def __init__(self, config: GeneratorConfig) -> None:
        """Build the blocks `config` asks for."""
        super().__init__()
        features = [
            config.token_features,
            *(config.decoder_features(step) for step in range(config.down_steps)),
        ]
        self.blocks = nn.Sequential(*(DecoderBlock(before, after, config.norm) for before, after in pairwise(features)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, token_features, H/stride, W/stride) -> (B, base_features, H, W)."""
        features: Tensor = self.blocks(x)
        return features


class Generator(nn.Module):
    """Redraws a person in another pose.

    Letters in shapes: B images, H and W their size, C image channels, P pose channels (one heat map a
    keypoint, peak 1), h = H/stride and w = W/stride the token grid, T = h * w tokens, rows first.
    Images are in [-1, 1]. H and W must be divisible by `config.stride` and give at least two tokens.

    Attributes:
        config: The sizes it was built with.
    """

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        """Build with torch's default initialisation; `initialise` gives the paper's."""
        super().__init__()
        self.config = config = config or GeneratorConfig()
        self.pose_encoder = Encoder(config.image_channels + 2 * config.pose_channels, config)
        self.source_encoder = Encoder(config.image_channels, config)
        self.residual_blocks = nn.Sequential(
            *(ResidualBlock(config.token_features, config.norm) for _ in range(config.residual_blocks))
        )
        self.pose_transformer = PoseTransformer(config)
        self.decoder = Decoder(config)
        self.output = OutputBlock(config.decoder_features(config.down_steps - 1), config.image_channels)

    # Inference: the source once, then any number of poses.

    def encode_source(self, image: Tensor, source_heatmaps: Tensor) -> SourceFeatures:
        """Compute everything that depends on the source alone, about 46 % of a whole transfer.

        Args:
            image: (B, C, H, W) in [-1, 1].
            source_heatmaps: (B, P, H, W), the pose seen in `image`.

        Returns:
            What `transfer` and `attention_rows` need.

        Raises:
            ValueError: Channels, sizes or batches do not fit; the message says which and what would.
        """
        self._check_source(image, source_heatmaps)
        first_convolution = self._convolve_source(image, source_heatmaps)
        reconstruction = self._encode_pose(first_convolution, source_heatmaps)
        texture = self.source_encoder(image)
        keys_and_values = self.pose_transformer.encode_source(_to_tokens(reconstruction), _to_tokens(texture))
        return SourceFeatures(first_convolution, reconstruction, keys_and_values)

    def transfer(self, source: SourceFeatures, target_heatmaps: Tensor) -> Tensor:
        """Draw the source in the target's pose (paper section 3.3).

        Args:
            source: From `encode_source`: one source for all poses, or one for each.
            target_heatmaps: (N, P, H, W), of the size of the source image.

        Returns:
            (N, C, H, W) in [-1, 1].

        Raises:
            ValueError: Channels, sizes or batches do not fit; the message says which and what would.
        """
        source = self._match(source, target_heatmaps)
        transformation = self._encode_pose(source.first_convolution, target_heatmaps)
        tokens = self.pose_transformer(_to_tokens(transformation), source.keys_and_values)
        return self._decode(_to_grid(tokens, source.grid))

    def transfer_with_queries(self, source: SourceFeatures, target_heatmaps: Tensor) -> tuple[Tensor, list[Tensor]]:
        """`transfer` and `attention_queries` at the cost of the first."""
        source = self._match(source, target_heatmaps)
        transformation = self._encode_pose(source.first_convolution, target_heatmaps)
        tokens, queries = self.pose_transformer.forward_with_queries(_to_tokens(transformation), source.keys_and_values)
        return self._decode(_to_grid(tokens, source.grid)), queries

    def reconstruct(self, source: SourceFeatures) -> Tensor:
        """Draw the source in its own pose by the self-reconstruction branch: (B, C, H, W) in [-1, 1]."""
        return self._decode(source.reconstruction)

    def attention_rows(
        self,
        source: SourceFeatures,
        target_heatmaps: Tensor,
        rows: Sequence[int] | Tensor,
        layer: int = -1,
        average_heads: bool = True,
    ) -> Tensor:
        """Where in the source some places of the target looked; only the asked rows are ever computed.

        To ask in several portions or of several blocks, keep `attention_queries` and call `attention_of` on slices.

        Args:
            source: From `encode_source`: one source for all poses, or one for each.
            target_heatmaps: (N, P, H, W), of the size of the source image.
            rows: R token indices of the target (row * columns + column), the same for every image.
            layer: Which Texture Transfer Block, negative from the end.
            average_heads: Average over the heads.

        Returns:
            fp32 probabilities over the source's tokens, (N, R, T), or (N, heads, R, T) with `average_heads`
            off. Each row sums to 1.

        Raises:
            ValueError: Inputs do not fit, as in `transfer`.
            IndexError: A row or the layer does not exist.
        """
        indices = self._checked_rows(rows, source)
        queries = self.attention_queries(source, target_heatmaps, layer)[-1]
        return self.attention_of(source, queries[:, :, indices.to(queries.device)], layer, average_heads)

    def attention_queries(self, source: SourceFeatures, target_heatmaps: Tensor, layer: int = -1) -> list[Tensor]:
        """Projected cross-attention queries of every target token, for `attention_of`: (N, heads, T, d) each.

        One for each Texture Transfer Block from the first to `layer`; earlier ones are computed anyway.
        """
        layer = self.checked_layer(layer)
        source = self._match(source, target_heatmaps)
        transformation = self._encode_pose(source.first_convolution, target_heatmaps)
        return self.pose_transformer.queries(_to_tokens(transformation), source.keys_and_values, layer)

    def attention_of(
        self, source: SourceFeatures, q_rows: Tensor, layer: int = -1, average_heads: bool = True
    ) -> Tensor:
        """`attention_rows` for (N, heads, R, d) queries taken from `attention_queries`."""
        source = source.expand(q_rows.shape[0])
        rows = self.pose_transformer.rows(q_rows, source.keys_and_values, self.checked_layer(layer))
        return rows.mean(dim=1) if average_heads else rows

    # Training: both tasks at once.

    def forward(self, image: Tensor, source_heatmaps: Tensor, target_heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Draw the source in the target's pose and, by the other branch, in its own (paper figure 2).

        Args:
            image: (B, C, H, W) in [-1, 1].
            source_heatmaps: (B, P, H, W), the pose seen in `image`.
            target_heatmaps: (B, P, H, W), the pose to draw.

        Returns:
            The target image and the self-reconstruction, both (B, C, H, W) in [-1, 1].

        Raises:
            ValueError: Channels, sizes or batches do not fit; the message says which and what would.
        """
        target_image, source_image, _ = self.forward_with_attention(image, source_heatmaps, target_heatmaps, ())
        return target_image, source_image

    def forward_with_attention(
        self, image: Tensor, source_heatmaps: Tensor, target_heatmaps: Tensor, layers: Sequence[int]
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Like `forward`, but also hold the whole cross-attention of some blocks, for losses on it.

        Args:
            image: (B, C, H, W) in [-1, 1].
            source_heatmaps: (B, P, H, W).
            target_heatmaps: (B, P, H, W).
            layers: Texture Transfer Blocks, negative from the end.

        Returns:
            Target image, self-reconstruction, and for each of `layers` the differentiable (B, T, T)
            attention averaged over heads: row a target token, column a source token.

        Raises:
            ValueError: Channels, sizes or batches do not fit; the message says which and what would.
            IndexError: A layer does not exist.
        """
        layers = [self.checked_layer(layer) for layer in layers]
        reconstruction, transformation, source = self._encode(image, source_heatmaps, target_heatmaps)
        tokens, attention = self.pose_transformer.forward_with_attention(_to_tokens(transformation), source, layers)
        target_image, source_image = self._decode_both(tokens, reconstruction)
        return target_image, source_image, [attention[layer].mean(dim=1) for layer in layers]

    def forward_supervised(
        self, image: Tensor, source_heatmaps: Tensor, target_heatmaps: Tensor, target: AttentionTarget | None
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Like `forward`, but also hold attention against where it should look, for the loss that teaches it.

        Args:
            image: (B, C, H, W) in [-1, 1].
            source_heatmaps: (B, P, H, W).
            target_heatmaps: (B, P, H, W).
            target: for the T tokens of each image, or None where nobody knows.

        Returns:
            Target image, self-reconstruction, and for each Texture Transfer Block the (B, T) cross-entropy of its
            cross-attention, averaged over heads; no such without a target.

        Raises:
            ValueError: Channels, sizes or batches do not fit; the message says which and what would.
        """
        if target is None:
            return self.forward_with_attention(image, source_heatmaps, target_heatmaps, ())
        reconstruction, transformation, source = self._encode(image, source_heatmaps, target_heatmaps)
        tokens, entropies = self.pose_transformer.forward_supervised(_to_tokens(transformation), source, target)
        return *self._decode_both(tokens, reconstruction), entropies

    # Stages.

    def _convolve_source(self, image: Tensor, source_heatmaps: Tensor) -> Tensor:
        return self.pose_encoder.first.leading(torch.cat([image, source_heatmaps], dim=1))

    def _encode_pose(self, first_convolution: Tensor, heatmaps: Tensor) -> Tensor:
        convolved = self.pose_encoder.first.trailing(heatmaps).add_(first_convolution)
        features: Tensor = self.residual_blocks(self.pose_encoder.after_first_convolution(convolved))
        return features

    def _encode_both(self, image: Tensor, source_heatmaps: Tensor, target_heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        # The branches share weights, so they run as one batch. With batch norm they then share statistics as
        # well, which is wanted: the running statistics used at inference have to fit both branches.
        first_convolution = self._convolve_source(image, source_heatmaps).repeat(2, 1, 1, 1)
        features = self._encode_pose(first_convolution, torch.cat([source_heatmaps, target_heatmaps]))
        reconstruction, transformation = features.chunk(2)
        return reconstruction, transformation

    def _encode(
        self, image: Tensor, source_heatmaps: Tensor, target_heatmaps: Tensor
    ) -> tuple[Tensor, Tensor, tuple[KeysAndValues, ...]]:
        self._check_source(image, source_heatmaps)
        self._check_target(target_heatmaps, image.shape[0], (image.shape[2], image.shape[3]))
        reconstruction, transformation = self._encode_both(image, source_heatmaps, target_heatmaps)
        texture = self.source_encoder(image)
        source = self.pose_transformer.encode_source(_to_tokens(reconstruction), _to_tokens(texture))
        return reconstruction, transformation, source

    def _decode_both(self, tokens: Tensor, reconstruction: Tensor) -> tuple[Tensor, Tensor]:
        target_features = _to_grid(tokens, (reconstruction.shape[2], reconstruction.shape[3]))
        target_image, source_image = self._decode(torch.cat([target_features, reconstruction])).chunk(2)
        return target_image, source_image

    def _decode(self, features: Tensor) -> Tensor:
        image: Tensor = self.output(self.decoder(features))
        return image

    # Checks, all in the user's words.

    def _match(self, source: SourceFeatures, target_heatmaps: Tensor) -> SourceFeatures:
        source = source.expand(len(target_heatmaps)) if target_heatmaps.ndim == 4 else source
        self._check_target(target_heatmaps, source.batch_size, source.image_size)
        return source

    def _check_source(self, image: Tensor, source_heatmaps: Tensor) -> None:
        _check_layout("image", image, self.config.image_channels)
        _check_layout("source_heatmaps", source_heatmaps, self.config.pose_channels)
        height, width = image.shape[2], image.shape[3]
        stride = self.config.stride
        if height % stride or width % stride or not height or not width:
            raise ValueError(
                f"image is {height} x {width} (height x width); both must be divisible by {stride}: "
                f"resize or pad it to {_rounded_up(height, stride)} x {_rounded_up(width, stride)}"
            )
        if height * width <= stride**2:  # no norm can be taken over a single token
            raise ValueError(
                f"image is {height} x {width} (height x width), a single token; it must be at least "
                f"{2 * stride} x {stride}: resize or pad it"
            )
        _check_same("source_heatmaps", source_heatmaps, "image", image.shape[0], (height, width))

    def _check_target(self, heatmaps: Tensor, batch_size: int, size: tuple[int, int]) -> None:
        _check_layout("target_heatmaps", heatmaps, self.config.pose_channels)
        _check_same("target_heatmaps", heatmaps, "the source", batch_size, size)

    def checked_layer(self, layer: int) -> int:
        """The block that is meant by `layer`, counted from 0; raises an IndexError where there is none."""
        count = self.config.texture_blocks
        if not -count <= layer < count:
            raise IndexError(f"layer is {layer}; there are {count} texture transfer blocks, 0 to {count - 1}")
        return layer % count

    def _checked_rows(self, rows: Sequence[int] | Tensor, source: SourceFeatures) -> Tensor:
        indices = torch.as_tensor(rows, dtype=torch.long).flatten()
        count = source.grid[0] * source.grid[1]
        if indices.numel() and (int(indices.min()) < 0 or int(indices.max()) >= count):
            raise IndexError(
                f"rows reach from {int(indices.min())} to {int(indices.max())}; there are {count} tokens "
                f"({source.grid[0]} x {source.grid[1]}), 0 to {count - 1}"
            )
        return indices


def _to_tokens(features: Tensor) -> Tensor:
    return features.flatten(2).transpose(1, 2)  # B, d, h, w -> B, T, d


def _to_grid(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    batch, _, features = tokens.shape
    return tokens.transpose(1, 2).reshape(batch, features, *grid)  # B, T, d -> B, d, h, w


def _rounded_up(length: int, stride: int) -> int:
    return max(-(-length // stride), 1) * stride  # up to the next whole token


def _check_layout(name: str, tensor: Tensor, channels: int) -> None:
    if tensor.ndim != 4 or tensor.shape[1] != channels:
        raise ValueError(f"expected {name} of shape (batch, {channels}, height, width), got {tuple(tensor.shape)}")


def _check_same(name: str, tensor: Tensor, other: str, batch_size: int, size: tuple[int, int]) -> None:
    if tensor.shape[0] != batch_size:
        raise ValueError(f"{name} holds {tensor.shape[0]} and {other} {batch_size}; the batches must match")
    if tuple(tensor.shape[2:]) != size:
        raise ValueError(
            f"{name} is {tensor.shape[2]} x {tensor.shape[3]} and {other} {size[0]} x {size[1]} (height x "
            "width); draw the heat maps at the size of the image"
        )
