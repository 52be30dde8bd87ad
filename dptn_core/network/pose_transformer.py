"""The Pose Transformer Module (paper section 3.3): what ties the transformation to the source."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, cast

from torch import Tensor, nn

from .attention_target import AttentionTarget
from .attention_weights import MultiHeadAttention
from .blocks import activate
from .norms import make_norm
from .onednn import linear
from .sizes import GeneratorConfig, NormKind


class KeysAndValues(NamedTuple):
    """What one Texture Transfer Block reads of the source, projected: two (B, heads, T, features / heads)."""

    keys: Tensor
    values: Tensor


def over_tokens(norm: nn.Module, tokens: Tensor) -> Tensor:
    """Apply a norm that wants (B, C, ...) to tokens laid out (B, T, C)."""
    # as channels-last features of one column, which norms have fast kernels for: B, T, C -> B, C, T, 1
    normalised: Tensor = norm(tokens.unsqueeze(2).permute(0, 3, 1, 2))
    return normalised.permute(0, 2, 3, 1).squeeze(2)


class FeedForward(nn.Module):
    """Two linear layers with an activation between, applied to each token by itself."""

    def __init__(self, features: int) -> None:
        """Build for tokens of `features` channels."""
        super().__init__()
        self.first = nn.Linear(features, features)
        self.second = nn.Linear(features, features)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        hidden = activate(linear(tokens, self.first.weight, self.first.bias))
        return linear(hidden, self.second.weight, self.second.bias)


class ContextAugmentBlock(nn.Module):
    """CAB: self-attention over the self-reconstruction features, then a feed-forward; post-norm."""

    def __init__(self, features: int, heads: int, norm: NormKind) -> None:
        """Build for tokens of `features` channels."""
        super().__init__()
        self.self_attention = MultiHeadAttention(features, heads)
        self.self_norm = make_norm(norm, features)
        self.feed_forward = FeedForward(features)
        self.feed_forward_norm = make_norm(norm, features)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        tokens = over_tokens(self.self_norm, tokens + self.self_attention(tokens))
        tokens = over_tokens(self.feed_forward_norm, tokens + self.feed_forward(tokens))
        return tokens


class TextureTransferBlock(nn.Module):
    """TTB: self-attention over the target, cross-attention into the source, a feed-forward; post-norm."""

    def __init__(self, features: int, heads: int, norm: NormKind) -> None:
        """Build for tokens of `features` channels."""
        super().__init__()
        self.self_attention = MultiHeadAttention(features, heads)
        self.self_norm = make_norm(norm, features)
        self.cross_attention = MultiHeadAttention(features, heads)
        self.cross_norm = make_norm(norm, features)
        self.feed_forward = FeedForward(features)
        self.feed_forward_norm = make_norm(norm, features)

    def project_source(self, context: Tensor, texture: Tensor) -> KeysAndValues:
        """Keys from the CABs' output, values from the source image's features, both (B, T, C)."""
        return KeysAndValues(
            keys=self.cross_attention.project_keys(context),
            values=self.cross_attention.project_values(texture),
        )

    def attend_to_self(self, tokens: Tensor) -> Tensor:
        """Run the first stage; its result, projected, asks the source: (B, T, C) -> (B, T, C)."""
        return over_tokens(self.self_norm, tokens + self.self_attention(tokens))

    def forward(self, tokens: Tensor, source: KeysAndValues) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        tokens = self.attend_to_self(tokens)
        queries = self.cross_attention.project_queries(tokens)
        return self.finish(tokens, self.cross_attention.attend(queries, *source))

    def forward_with_attention(self, tokens: Tensor, source: KeysAndValues) -> tuple[Tensor, Tensor]:
        """Like `forward`, but also returns the whole cross-attention, (B, heads, T, T)."""
        tokens = self.attend_to_self(tokens)
        queries = self.cross_attention.project_queries(tokens)
        probabilities = self.cross_attention.rows(queries, source.keys)
        return self.finish(tokens, self.cross_attention.attend_with(probabilities, source.values)), probabilities

    def forward_supervised(
        self, tokens: Tensor, source: KeysAndValues, target: AttentionTarget
    ) -> tuple[Tensor, Tensor]:
        """Like `forward`, but also returns the (B, T) cross-entropy of the cross-attention to `target`."""
        tokens = self.attend_to_self(tokens)
        queries = self.cross_attention.project_queries(tokens)
        found, entropy = self.cross_attention.attend_supervised(queries, *source, target)
        return self.finish(tokens, found), entropy

    def finish(self, tokens: Tensor, found: Tensor) -> Tensor:
        """Run the last stages on `attend_to_self`'s result and what was found in the source, both (B, T, C)."""
        tokens = over_tokens(self.cross_norm, tokens + found)
        tokens = over_tokens(self.feed_forward_norm, tokens + self.feed_forward(tokens))
        return tokens


class PoseTransformer(nn.Module):
    """Context Augment Blocks over the source, Texture Transfer Blocks over the target, one last norm."""

    def __init__(self, config: GeneratorConfig) -> None:
        """Build the blocks `config` asks for."""
        super().__init__()
        sizes = (config.token_features, config.heads, config.norm)
        self.context_blocks = nn.ModuleList(ContextAugmentBlock(*sizes) for _ in range(config.context_blocks))
        self.texture_blocks = nn.ModuleList(TextureTransferBlock(*sizes) for _ in range(config.texture_blocks))
        self.final_norm = make_norm(config.norm, config.token_features)

    def encode_source(self, reconstruction: Tensor, texture: Tensor) -> tuple[KeysAndValues, ...]:
        """Everything the Texture Transfer Blocks will read, one pair a block; independent of the target.

        Args:
            reconstruction: (B, T, C), features of the self-reconstruction branch.
            texture: (B, T, C), features of the source image alone.
        """
        context = reconstruction
        for block in self.context_blocks:
            context = block(context)
        return tuple(block.project_source(context, texture) for block in self._texture_blocks())

    def forward(self, tokens: Tensor, source: Sequence[KeysAndValues]) -> Tensor:
        """Carry the source's texture to the target's tokens: (B, T, C) -> (B, T, C)."""
        for block, pair in zip(self._texture_blocks(), source, strict=True):
            tokens = block(tokens, pair)
        return over_tokens(self.final_norm, tokens)

    def forward_with_queries(self, tokens: Tensor, source: Sequence[KeysAndValues]) -> tuple[Tensor, list[Tensor]]:
        """Like `forward`, but also returns each block's `queries`."""
        queries = []
        for block, pair in zip(self._texture_blocks(), source, strict=True):
            asking = block.attend_to_self(tokens)
            queries.append(block.cross_attention.project_queries(asking))
            tokens = block.finish(asking, block.cross_attention.attend(queries[-1], *pair))
        return over_tokens(self.final_norm, tokens), queries

    def forward_with_attention(
        self, tokens: Tensor, source: Sequence[KeysAndValues], layers: Collection[int]
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """Like `forward`, but also returns the (B, heads, T, T) cross-attention of the blocks in `layers`."""
        attention: dict[int, Tensor] = {}
        for index, (block, pair) in enumerate(zip(self._texture_blocks(), source, strict=True)):
            if index in layers:
                tokens, attention[index] = block.forward_with_attention(tokens, pair)
            else:
                tokens = block(tokens, pair)
        return over_tokens(self.final_norm, tokens), attention

    def forward_supervised(
        self, tokens: Tensor, source: Sequence[KeysAndValues], target: AttentionTarget
    ) -> tuple[Tensor, list[Tensor]]:
        """Like `forward`, but also returns the (B, T) cross-entropy of each block's cross-attention to `target`."""
        entropies = []
        for block, pair in zip(self._texture_blocks(), source, strict=True):
            tokens, entropy = block.forward_supervised(tokens, pair, target)
            entropies.append(entropy)
        return over_tokens(self.final_norm, tokens), entropies

    def queries(self, tokens: Tensor, source: Sequence[KeysAndValues], last: int) -> list[Tensor]:
        """Projected cross-attention queries of the blocks from 0 to `last`: (B, heads, T, C / heads) each."""
        blocks = self._texture_blocks()
        found = []
        for block, pair in zip(blocks[:last], source[:last], strict=True):
            asking = block.attend_to_self(tokens)
            found.append(block.cross_attention.project_queries(asking))
            tokens = block.finish(asking, block.cross_attention.attend(found[-1], *pair))
        asking = blocks[last].attend_to_self(tokens)
        return [*found, blocks[last].cross_attention.project_queries(asking)]

    def rows(self, q_rows: Tensor, source: Sequence[KeysAndValues], layer: int) -> Tensor:
        """Cross-attention of block `layer` for some of its `queries`: (B, heads, R, T), fp32."""
        return self._texture_blocks()[layer].cross_attention.rows(q_rows, source[layer].keys)

    def _texture_blocks(self) -> list[TextureTransferBlock]:
        return cast("list[TextureTransferBlock]", list(self.texture_blocks))
