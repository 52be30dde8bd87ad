"""Training of the carrier behind generators that stay as they are."""

from .carrier_config import CarrierConfig, changed, is_carrier_config, load_carrier_config
from .carrier_loop import CarrierRunOptions, train_carrier
from .store import ExamplesError

__all__ = [
    "CarrierConfig",
    "CarrierRunOptions",
    "ExamplesError",
    "changed",
    "is_carrier_config",
    "load_carrier_config",
    "train_carrier",
]
