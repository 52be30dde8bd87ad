"""The DPTN networks: a generator that redraws a person in another pose, and its training discriminator."""

from .attention_target import AttentionTarget, cross_entropy
from .discriminator import Discriminator
from .generator import Generator
from .initialisation import initialise
from .norms import keep_norms_fp32
from .official_names import OFFICIAL_ALIASES, canonical_official, official_to_ours, ours_to_official
from .pose_transformer import KeysAndValues
from .sizes import DiscriminatorConfig, GeneratorConfig, NormKind
from .source_features import SourceFeatures

__all__ = [
    "OFFICIAL_ALIASES",
    "AttentionTarget",
    "Discriminator",
    "DiscriminatorConfig",
    "Generator",
    "GeneratorConfig",
    "KeysAndValues",
    "NormKind",
    "SourceFeatures",
    "canonical_official",
    "cross_entropy",
    "initialise",
    "keep_norms_fp32",
    "official_to_ours",
    "ours_to_official",
]
