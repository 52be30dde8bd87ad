"""The settings of a training run, as typed values read from one TOML file."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..network import DiscriminatorConfig, GeneratorConfig
from ..perceptual.shift_tolerant import MIN_SIDE, SLICES, TrunkName
from .toml_tables import ConfigError, build, load_table

# Numbers that would fail, or train backwards, only long after the start.
_ABOVE_0 = (
    *("data.heatmap_sigma", "data.workers", "run.log_every", "run.sheet_every", "run.save_every"),
    "losses.affinity_temperature",
)
_FROM_0 = (
    *(f"losses.{name}" for name in ("reconstruction", "chroma", "foreground", "gradient", "adversarial")),
    *(
        f"losses.{name}"
        for name in ("adversarial_from", "attention", "content", "style", "l1", "affinity", "perceptual")
    ),
    *("losses.gradient_penalty", "data.cache_gib"),
    *("optimiser.discriminator_rate", "optimiser.clip", "run.divergence"),
)

_DECAYS = ("optimiser.beta1", "optimiser.beta2", "optimiser.ema")
_MAX_SIDE = 4096
_CHANNELS, _JOINTS = 3, 18
_SIGMAS = (0.1, 1000.0)  # pixels; a narrower Gaussian is one pixel at any size, a wider one is flat
_MAX_CACHE = 1e6  # GiB


@dataclass(frozen=True)
class Stage:
    """A stretch of training at one image size; the network has no positions, so it may start small."""

    height: int
    width: int
    batch: int
    steps: int
    learning_rate: float = 1e-3
    final_learning_rate: float | None = None  # reached over the last `decay` of the stage; None: flat
    decay: float = 1.0  # fraction of the stage's steps over which the rate falls
    schedule: Literal["linear", "cosine"] = "linear"  # how it falls
    warmup: int = 0  # steps over which the rate rises from near 0 at the start of the stage
    accumulate: int = 1  # parts in which the batch is computed one after the other, where memory is short


def check_stage(stage: Stage, where: str) -> None:
    """See that counts and rates of a stage can be used, whatever it trains.

    Raises:
        ConfigError: they cannot; `where` is what the message calls it.
    """
    for name, most in (("batch", 65_536), ("steps", 10**9)):
        if not 1 <= getattr(stage, name) <= most:
            raise ConfigError(f"{where}.{name} is {getattr(stage, name)}; allowed: 1 to {most}")
    if not 1 <= stage.accumulate <= stage.batch or stage.batch % stage.accumulate:
        raise ConfigError(f"{where}.accumulate is {stage.accumulate}; allowed: equal parts of a batch of {stage.batch}")
    if not 0 <= stage.warmup <= stage.steps:
        raise ConfigError(f"{where}.warmup is {stage.warmup}; allowed: 0 to its {stage.steps} steps")
    rates = (stage.learning_rate, stage.final_learning_rate or 0.0)
    if rates[0] <= 0 or not all(0 <= rate <= 1 for rate in rates) or not 0 < stage.decay <= 1:
        raise ConfigError(
            f"{where} has learning_rate {stage.learning_rate}, final_learning_rate {stage.final_learning_rate} and "
            f"decay {stage.decay}; allowed: a rate above 0 and up to 1, a final one from 0 to 1 and a decay in (0, 1]"
        )


def check_numbers(config: object, above_0: Collection[str], from_0: Collection[str]) -> None:
    """Check the seeds and the optimiser's decay rates, which every config of a run has, and the signs of others.

    Args:
        config: of a run, with sections `data`, `optimiser` and `run`.
        above_0: keys that must be above 0, as "section.key".
        from_0: keys that must be 0 or more.

    Raises:
        ConfigError: the message names the key, its value and what is allowed.
    """

    def value(name: str) -> Any:
        section, _, key = name.partition(".")
        return getattr(getattr(config, section), key)

    checks = [(name, "0 to below 1", lambda x: 0 <= x < 1) for name in _DECAYS]
    checks += [(name, f"0 to {2**31 - 1}", lambda x: 0 <= x < 2**31) for name in ("data.seed", "run.seed")]
    checks += [(name, "above 0", lambda x: x > 0) for name in above_0]
    checks += [(name, "0 or more", lambda x: x >= 0) for name in from_0]
    for name, allowed, fits in checks:
        if not fits(value(name)):
            raise ConfigError(f"{name} is {value(name)}; allowed: {allowed}")


@dataclass(frozen=True)
class MixWeights:
    """How often each kind of synthetic pair comes, relative to the others."""

    figures: float = 0.3
    people: float = 0.7


@dataclass(frozen=True)
class DataConfig:
    """Where pairs come from."""

    # drawn figures, rendered people, a mix of both, or a folder that `dptn prepare` made
    kind: Literal["figures", "people", "mix", "pictures"] = "figures"
    weights: MixWeights = field(default_factory=MixWeights)  # of a mix
    kept: str = ""  # people: folder of a set that `dptn figures --keep` made, read instead of rendering
    root: str = ""  # that folder
    seed: int = 1
    heatmap_sigma: float = 6.0  # pixels in an image 256 high; smaller images get a smaller one
    mirror: bool = False  # images: every second pair is mirrored, left and right of the pose with it
    workers: int = 2  # images: threads that read ahead
    cache_gib: float = 4.0  # images: memory for those already read, of all processes of a machine together


@dataclass(frozen=True)
class LossConfig:
    """Weights of the objective; a weight of 0 leaves the term and its cost out. Names as in design and paper."""

    target_share: float = 0.5  # t: total = t * (target terms) + (1 - t) * (source terms) + adversarial
    l1: float = 0.0  # plain L1 over colours, the paper's
    reconstruction: float = 5.0  # L1 over brightness and colour at several scales, ours
    chroma: float = 2.4  # colour differences count this much more than brightness
    foreground: float = 7.0  # pixels of the figure count this much more than the background
    scales: tuple[int, ...] = (1, 2, 4, 8)  # sizes, in pixels, of the areas that are compared
    gradient: float = 1.0  # brightness steps between neighbouring pixels, relative to reconstruction
    adversarial: float = 2.0
    gan: Literal["lsgan", "hinge", "wgan-gp"] = "lsgan"
    gradient_penalty: float = 10.0  # wgan-gp: on how far the critic's gradients are from length 1
    adversarial_from: int = 0  # step at which the discriminator joins
    attention: float = 0.5  # cross-entropy to the true correspondence; of images, to the limbs both poses show
    content: float = 0.5
    style: float = 500.0
    affinity: float = 0.0  # DPTN-TA: which source textures the generated target resembles, as the true one does
    affinity_temperature: float = 1.0
    perceptual: float = 0.0  # ST-LPIPS: what people see, where a pixel's shift costs little; wants stlpips-pytorch
    perceptual_network: TrunkName = "alexnet"
    perceptual_slices: int = SLICES  # of the network's five, from the first: fewer see finer detail only
    vgg: str = ""  # VGG19 weights (.pth or .safetensors); "" looks into torchvision's cache


@dataclass(frozen=True)
class OptimiserConfig:
    """Adam, as in the paper; the discriminator learns at a fraction of the generator's rate."""

    beta1: float = 0.5
    beta2: float = 0.999
    discriminator_rate: float = 0.1
    clip: float = 10.0  # largest norm of all generator gradients together; 0: never clipped
    ema: float = 0.999  # the averaged weights are the ones that are shipped


@dataclass(frozen=True)
class RunConfig:
    """What a run shows and keeps."""

    seed: int = 0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    compile: bool = False  # torch.compile the generator: slow to start, faster after, where a compiler is at hand
    log_every: int = 20
    sheet_every: int = 500
    save_every: int = 250
    divergence: float = 4.0  # stop when the averaged loss is this many times its best; 0: only on NaN


@dataclass(frozen=True)
class TrainingConfig:
    """A whole run."""

    stages: tuple[Stage, ...] = (Stage(256, 256, 32, 100_000),)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    data: DataConfig = field(default_factory=DataConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    run: RunConfig = field(default_factory=RunConfig)
    then: str = ""  # config of a carrier, trained on the same data behind the finished generator

    def __post_init__(self) -> None:
        """Refuse values that no run can start with."""
        if not self.stages:
            raise ConfigError("stages is empty; give at least one [[stages]] table")
        for number, stage in enumerate(self.stages):
            stride = self.generator.stride
            for name in ("height", "width"):
                value = getattr(stage, name)
                if value < 2 * stride or value % stride:
                    raise ConfigError(
                        f"stages[{number}].{name} is {value}; allowed: multiples of {stride} from {2 * stride} on"
                    )
                if value > _MAX_SIDE:
                    raise ConfigError(f"stages[{number}].{name} is {value}; allowed: up to {_MAX_SIDE}")
                if self.losses.perceptual and value < MIN_SIDE:
                    raise ConfigError(
                        f"stages[{number}].{name} is {value}; with losses.perceptual above 0 it must be at least "
                        f"{MIN_SIDE}"
                    )
                if self.losses.adversarial and value % self.discriminator.stride:
                    raise ConfigError(
                        f"stages[{number}].{name} is {value}; with losses.adversarial above 0 it must be a multiple of "
                        f"{self.discriminator.stride}, as the discriminator has {self.discriminator.layers} layers"
                    )
            check_stage(stage, f"stages[{number}]")
        if self.data.kind != "pictures" and self.data.root:
            raise ConfigError(
                f'data.root is {self.data.root!r}, but data.kind = "{self.data.kind}" reads no folder; '
                'set data.kind = "pictures"'
            )
        if self.data.kept and self.data.kind not in ("people", "mix"):
            raise ConfigError(
                f'data.kept is {self.data.kept!r}, but data.kind = "{self.data.kind}" has no rendered people; '
                'set data.kind = "people"'
            )
        weights = vars(self.data.weights)
        if not all(weight >= 0 and math.isfinite(weight) for weight in weights.values()) or not any(weights.values()):
            raise ConfigError(f"data.weights is {weights}; allowed: 0 or more each, with one above 0")
        if self.data.kind != "mix" and self.data.weights != MixWeights():
            raise ConfigError(f'data.weights is for data.kind = "mix", but data.kind is "{self.data.kind}"')
        if self.data.kept and self.data.kind == "mix" and not self.data.weights.people:
            raise ConfigError(f"data.kept is {self.data.kept!r}, but data.weights.people is 0; remove one of them")
        for network in ("generator", "discriminator"):
            if getattr(self, network).image_channels != _CHANNELS:
                raise ConfigError(
                    f"{network}.image_channels is {getattr(self, network).image_channels}; expected {_CHANNELS}"
                )
        if self.generator.pose_channels != _JOINTS:
            raise ConfigError(
                f"generator.pose_channels is {self.generator.pose_channels}; expected {_JOINTS}, the joints of a pose"
            )
        if not _SIGMAS[0] <= self.data.heatmap_sigma <= _SIGMAS[1]:
            raise ConfigError(
                f"data.heatmap_sigma is {self.data.heatmap_sigma}; allowed: {_SIGMAS[0]} to {_SIGMAS[1]:.0f}"
            )
        if self.data.cache_gib > _MAX_CACHE:
            raise ConfigError(f"data.cache_gib is {self.data.cache_gib}; allowed: up to {_MAX_CACHE:.0f}")
        if not 0 <= self.losses.target_share <= 1:
            raise ConfigError(f"losses.target_share is {self.losses.target_share}; allowed: 0 to 1")
        if not 1 <= self.losses.perceptual_slices <= SLICES:
            raise ConfigError(f"losses.perceptual_slices is {self.losses.perceptual_slices}; allowed: 1 to {SLICES}")
        if any(scale < 1 for scale in self.losses.scales) or not self.losses.scales:
            raise ConfigError(f"losses.scales is {self.losses.scales}; allowed: one or more sizes of 1 and above")
        check_numbers(self, _ABOVE_0, _FROM_0)

    @property
    def total_steps(self) -> int:
        """Steps of all stages together."""
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> tuple[Stage, int]:
        """The stage that step number `step` (from 0) belongs to, and the step's number within it."""
        for stage in self.stages:
            if step < stage.steps:
                return stage, step
            step -= stage.steps
        return self.stages[-1], self.stages[-1].steps - 1

    def max_processes(self, wanted: int) -> int:
        """The largest number of processes, up to `wanted`, that divides every stage's batches evenly."""
        parts = math.gcd(*(stage.batch // stage.accumulate for stage in self.stages))
        return max(count for count in range(1, wanted + 1) if parts % count == 0)

    def to_dict(self) -> dict[str, Any]:
        """Return the values as plain tables, ready for JSON or TOML."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "config") -> TrainingConfig:
        """Build a config from plain tables; unknown keys and wrong types are refused by name."""
        return build(cls, values, where)


def load_config(path: Path) -> TrainingConfig:
    """Read a TOML file.

    Raises:
        ConfigError: the file is missing, no TOML, or holds a key or value that is not allowed.
    """
    return load_table(TrainingConfig, path)


def with_data(config: TrainingConfig, root: Path) -> TrainingConfig:
    """The same run on a folder's images: a kept set where it renders people, else what `dptn prepare` made."""
    if config.data.kind in ("people", "mix"):
        return dataclasses.replace(config, data=dataclasses.replace(config.data, kept=str(root)))
    return dataclasses.replace(config, data=dataclasses.replace(config.data, kind="pictures", root=str(root)))
