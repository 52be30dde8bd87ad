"""Names of parameters in the authors' checkpoints and here, as one declarative table each.

A rule pairs the official name of a module with ours; `{i}` stands for any block number, the same on both
sides. Only the module part is translated and the parameter's own name (`weight`, `running_mean`, ...) kept,
except in the discriminator, where the two implementations of spectral norm call their tensors differently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Network = Literal["generator", "discriminator"]

_CONVOLUTION: Final = {"weight": "weight", "bias": "bias"}
_NORM: Final = {name: name for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}
_PROJECTION: Final = {"in_proj_weight": "in_proj_weight", "in_proj_bias": "in_proj_bias"}
_SPECTRAL: Final = {
    "bias": "bias",
    "weight_orig": "parametrizations.weight.original",
    "weight_u": "parametrizations.weight.0._u",
    "weight_v": "parametrizations.weight.0._v",
}


@dataclass(frozen=True)
class Rule:
    """One module under both names, and its parameters under both."""

    official: str
    ours: str
    parameters: Mapping[str, str]  # official name to ours


def _encoder(official: str, ours: str) -> tuple[Rule, ...]:
    return (
        Rule(f"{official}block0.model.0", f"{ours}.first.down", _CONVOLUTION),
        Rule(f"{official}block0.model.1", f"{ours}.first.norm", _NORM),
        Rule(f"{official}block0.model.3", f"{ours}.first.refine", _CONVOLUTION),
        Rule(f"{official}encoder{{i}}.model.0", f"{ours}.blocks.{{i}}.norm_1", _NORM),
        Rule(f"{official}encoder{{i}}.model.2", f"{ours}.blocks.{{i}}.down", _CONVOLUTION),
        Rule(f"{official}encoder{{i}}.model.3", f"{ours}.blocks.{{i}}.norm_2", _NORM),
        Rule(f"{official}encoder{{i}}.model.5", f"{ours}.blocks.{{i}}.refine", _CONVOLUTION),
    )


def _attention(official: str, ours: str) -> tuple[Rule, ...]:
    return Rule(official, ours, _PROJECTION), Rule(f"{official}.out_proj", f"{ours}.out_proj", _CONVOLUTION)


_CONTEXT, _OUR_CONTEXT = "PTM.encoder.layers.{i}", "pose_transformer.context_blocks.{i}"
_TEXTURE, _OUR_TEXTURE = "PTM.decoder.layers.{i}", "pose_transformer.texture_blocks.{i}"

RULES: Final[Mapping[Network, tuple[Rule, ...]]] = {
    "generator": (
        *_encoder("", "pose_encoder"),
        *_encoder("source_encoder.", "source_encoder"),
        Rule("mblock{i}.model.0", "residual_blocks.{i}.norm_1", _NORM),
        Rule("mblock{i}.conv1", "residual_blocks.{i}.convolution_1", _CONVOLUTION),
        Rule("mblock{i}.model.3", "residual_blocks.{i}.norm_2", _NORM),
        Rule("mblock{i}.conv2", "residual_blocks.{i}.convolution_2", _CONVOLUTION),
        Rule("mblock{i}.bypass", "residual_blocks.{i}.bypass", _CONVOLUTION),
        *_attention(f"{_CONTEXT}.self_attn", f"{_OUR_CONTEXT}.self_attention"),
        Rule(f"{_CONTEXT}.linear1", f"{_OUR_CONTEXT}.feed_forward.first", _CONVOLUTION),
        Rule(f"{_CONTEXT}.linear2", f"{_OUR_CONTEXT}.feed_forward.second", _CONVOLUTION),
        Rule(f"{_CONTEXT}.norm1", f"{_OUR_CONTEXT}.self_norm", _NORM),
        Rule(f"{_CONTEXT}.norm2", f"{_OUR_CONTEXT}.feed_forward_norm", _NORM),
        *_attention(f"{_TEXTURE}.self_attn", f"{_OUR_TEXTURE}.self_attention"),
        *_attention(f"{_TEXTURE}.multihead_attn", f"{_OUR_TEXTURE}.cross_attention"),
        Rule(f"{_TEXTURE}.linear1", f"{_OUR_TEXTURE}.feed_forward.first", _CONVOLUTION),
        Rule(f"{_TEXTURE}.linear2", f"{_OUR_TEXTURE}.feed_forward.second", _CONVOLUTION),
        Rule(f"{_TEXTURE}.norm1", f"{_OUR_TEXTURE}.self_norm", _NORM),
        Rule(f"{_TEXTURE}.norm2", f"{_OUR_TEXTURE}.cross_norm", _NORM),
        Rule(f"{_TEXTURE}.norm3", f"{_OUR_TEXTURE}.feed_forward_norm", _NORM),
        Rule("PTM.decoder.norm", "pose_transformer.final_norm", _NORM),
        Rule("decoder{i}.model.0", "decoder.blocks.{i}.norm_1", _NORM),
        Rule("decoder{i}.model.2", "decoder.blocks.{i}.convolution", _CONVOLUTION),
        Rule("decoder{i}.model.3", "decoder.blocks.{i}.norm_2", _NORM),
        Rule("decoder{i}.model.5", "decoder.blocks.{i}.up", _CONVOLUTION),
        Rule("decoder{i}.shortcut.0", "decoder.blocks.{i}.bypass", _CONVOLUTION),
        Rule("outconv.conv1", "output.convolution", _CONVOLUTION),
    ),
    "discriminator": (
        Rule("block0.model.0", "first.convolution", _SPECTRAL),
        Rule("block0.model.2", "first.down", _SPECTRAL),
        Rule("block0.shortcut.1", "first.bypass", _SPECTRAL),
        Rule("encoder{i}.model.1", "blocks.{i}.convolution", _SPECTRAL),
        Rule("encoder{i}.model.3", "blocks.{i}.down", _SPECTRAL),
        Rule("encoder{i}.shortcut.1", "blocks.{i}.bypass", _SPECTRAL),
        Rule("conv", "output", _SPECTRAL),
    ),
}

# Official checkpoints hold some tensors of the generator twice. Left the second name of a module, right the
# canonical one, which the rules above know.
OFFICIAL_ALIASES: Final[Mapping[str, str]] = {
    "mblock{i}.model.2": "mblock{i}.conv1",
    "mblock{i}.model.5": "mblock{i}.conv2",
    "mblock{i}.shortcut.0": "mblock{i}.bypass",
    "outconv.model.2": "outconv.conv1",
}


def official_to_ours(key: str, network: Network = "generator") -> str:
    """Translate a canonical official key; put a second name through `canonical_official` first.

    Raises:
        KeyError: It is no key of that network.
    """
    for official, ours, parameters in _TO_OURS[network]:
        translated = _translate(key, official, ours, parameters)
        if translated is not None:
            return translated
    raise KeyError(f"{key!r} is not a canonical key of the official {network}")


def ours_to_official(key: str, network: Network = "generator") -> str:
    """Translate one of our keys to the canonical official one.

    Raises:
        KeyError: It is no key of that network.
    """
    for ours, official, parameters in _TO_OFFICIAL[network]:
        translated = _translate(key, ours, official, parameters)
        if translated is not None:
            return translated
    raise KeyError(f"{key!r} is not a key of this {network}")


def canonical_official(key: str) -> str:
    """Replace the second name of a generator tensor by its canonical one; other keys stay as they are."""
    for alias, canonical, parameters in _ALIASES:
        translated = _translate(key, alias, canonical, parameters)
        if translated is not None:
            return translated
    return key


_Compiled = tuple[re.Pattern[str], str, Mapping[str, str]]


def _compiled(template: str, other: str, parameters: Mapping[str, str]) -> _Compiled:
    module = re.escape(template).replace(re.escape("{i}"), "(?P<i>0|[1-9][0-9]*)")
    names = "|".join(re.escape(name) for name in parameters)
    return re.compile(rf"{module}\.(?P<parameter>{names})"), other, parameters


def _translate(key: str, pattern: re.Pattern[str], other: str, parameters: Mapping[str, str]) -> str | None:
    found = pattern.fullmatch(key)
    if found is None:
        return None
    index = found.groupdict().get("i", "")
    return f"{other.replace('{i}', index)}.{parameters[found['parameter']]}"


_TO_OURS: Final[Mapping[Network, list[_Compiled]]] = {
    network: [_compiled(rule.official, rule.ours, rule.parameters) for rule in rules]
    for network, rules in RULES.items()
}
_TO_OFFICIAL: Final[Mapping[Network, list[_Compiled]]] = {
    network: [
        _compiled(rule.ours, rule.official, {ours: official for official, ours in rule.parameters.items()})
        for rule in rules
    ]
    for network, rules in RULES.items()
}
_ALIASES: Final[list[_Compiled]] = [
    _compiled(alias, canonical, _CONVOLUTION) for alias, canonical in OFFICIAL_ALIASES.items()
]
