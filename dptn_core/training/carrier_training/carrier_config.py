"""The settings of a carrier run, as typed values read from one TOML file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from ...network.carrier import MULTIPLE, WORK_HEIGHT
from ..toml_tables import ConfigError, load_table, read_toml
from ..training_config import Stage, check_numbers, check_stage

KIND: Final = "carrier"
_MIN_SIDE: Final = 32  # pixels; the carrier halves its images four times
_CHANCES: Final = ("no_attention", "other_attention", "no_drawing", "other_drawing", "no_mask")
_FROM_0: Final = (
    *("losses.perceptual", "losses.perceptual_from", "disturb.colour"),
    *("optimiser.weight_decay", "optimiser.clip", "optimiser.pull"),
)
_ABOVE_0: Final = ("data.examples", "run.log_every", "run.sheet_every", "run.save_every")


@dataclass(frozen=True)
class CarrierData:
    """What examples are made of, ahead of the training and once."""

    # rendered people of a set that `dptn figures --keep` made, and drawn figures; or a folder that `dptn prepare` made
    kind: Literal["synthetic", "photographs"] = "synthetic"
    root: str = ""  # that set or folder, or the `examples` folder of another run, which is then read as it is
    figures: float = 0.2  # fraction of drawn figures among synthetic examples; at 1 no set is wanted
    examples: int = 8000  # how many are made; 1 MB each on disk at 192 x 256
    seed: int = 47


@dataclass(frozen=True)
class Disturbances:
    """Chances, 0 to 1, that a part of an example is disturbed: other models attend and generate differently."""

    colour: float = 1.0  # relative strength of changes of gain and gamma; 0: none
    no_attention: float = 0.12  # attention says nothing
    other_attention: float = 0.28  # attention is weaker and partly stray, or is that of one head only
    no_drawing: float = 0.10  # the generated image is one flat colour
    other_drawing: float = 0.25  # its colours are off, with noise
    no_mask: float = 0.20  # there is no mask of the source person


@dataclass(frozen=True)
class CarrierLosses:
    """ST-LPIPS of the composed image; the other terms have fixed weights, see `losses`."""

    perceptual: float = 2.5  # 0 leaves it out; wants stlpips-pytorch
    perceptual_from: int = 300  # step; before, matte and places are so far off that it teaches little and costs a third


@dataclass(frozen=True)
class CarrierOptimiser:
    """AdamW."""

    beta1: float = 0.9
    beta2: float = 0.99  # examples differ a lot and runs are short: older gradients say little
    weight_decay: float = 1e-4
    clip: float = 2.0  # largest norm of all gradients together; 0: never clipped
    ema: float = 0.998  # the averaged weights are the ones that are written
    pull: float = 0.0  # weights go back to those of the start by this fraction, times the rate, every step
    keep_statistics: bool = False  # batch norms keep the start's statistics, where examples are few and alike


@dataclass(frozen=True)
class CarrierRun:
    """What a run shows and keeps."""

    seed: int = 0
    log_every: int = 25
    sheet_every: int = 500
    save_every: int = 100


@dataclass(frozen=True)
class CarrierConfig:
    """A whole run."""

    kind: Literal["carrier"] = "carrier"  # says what the file is a config of
    start: str = ""  # carrier to start from; "starter": the one that ships; "": random weights
    stage: Stage = field(
        default_factory=lambda: Stage(
            *(WORK_HEIGHT, WORK_HEIGHT * 3 // 4, 8, 6000),
            learning_rate=2e-3,
            final_learning_rate=4e-5,
            decay=0.9,
            schedule="cosine",
            warmup=80,
        )
    )
    data: CarrierData = field(default_factory=CarrierData)
    disturb: Disturbances = field(default_factory=Disturbances)
    losses: CarrierLosses = field(default_factory=CarrierLosses)
    optimiser: CarrierOptimiser = field(default_factory=CarrierOptimiser)
    run: CarrierRun = field(default_factory=CarrierRun)

    def __post_init__(self) -> None:
        """Refuse values that no run can start with."""
        for name in ("height", "width"):
            value = getattr(self.stage, name)
            if value < _MIN_SIDE or value % MULTIPLE:
                raise ConfigError(
                    f"stage.{name} is {value}; allowed: multiples of {MULTIPLE} from {_MIN_SIDE} on; in use "
                    f"the carrier works at a height of {WORK_HEIGHT}"
                )
        check_stage(self.stage, "stage")
        if self.stage.accumulate != 1:
            raise ConfigError(f"stage.accumulate is {self.stage.accumulate}; a carrier computes its batch in one part")
        if not 0 <= self.data.figures <= 1:
            raise ConfigError(f"data.figures is {self.data.figures}; allowed: 0 to 1")
        for name in _CHANCES:
            if not 0 <= getattr(self.disturb, name) <= 1:
                raise ConfigError(f"disturb.{name} is {getattr(self.disturb, name)}; allowed: 0 to 1")
        for one, other in (("no_attention", "other_attention"), ("no_drawing", "other_drawing")):
            both = getattr(self.disturb, one) + getattr(self.disturb, other)
            if both > 1:
                raise ConfigError(f"disturb.{one} and disturb.{other} add up to {both:g}; allowed: up to 1")
        check_numbers(self, _ABOVE_0, _FROM_0)
        if not self.start and (self.optimiser.pull or self.optimiser.keep_statistics):
            raise ConfigError(
                "optimiser.pull and optimiser.keep_statistics need a carrier to start from; name one with "
                'start = "starter" or --carrier'
            )

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in pixels of the examples."""
        return self.stage.height, self.stage.width

    def to_dict(self) -> dict[str, Any]:
        """Return the values as plain tables, ready for JSON or TOML."""
        return dataclasses.asdict(self)


def is_carrier_config(path: Path) -> bool:
    """Whether a TOML file says that it is a carrier's.

    Raises:
        ConfigError: the file is missing or no TOML.
    """
    return read_toml(path).get("kind") == KIND


def load_carrier_config(path: Path) -> CarrierConfig:
    """Read a TOML file.

    Raises:
        ConfigError: the file is missing, no TOML, or holds a key or value that is not allowed.
    """
    return load_table(CarrierConfig, path)


def changed(config: CarrierConfig, *, root: Path | None = None, start: str | None = None) -> CarrierConfig:
    """The same run on other data, or from another carrier; None leaves either as it is."""
    if root is not None:
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, root=str(root)))
    return config if start is None else dataclasses.replace(config, start=start)
