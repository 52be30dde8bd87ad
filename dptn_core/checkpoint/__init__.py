"""Model files: the authors' .pth and our .safetensors in, one typed model out, nothing in them ever run."""

from .errors import CheckpointError
from .facts import FORMAT_VERSION, Framing, ModelFacts
from .loading import STARTER, load_model, starter_path
from .model import DPTNModel
from .saving import save_model

__all__ = [
    "FORMAT_VERSION",
    "STARTER",
    "CheckpointError",
    "DPTNModel",
    "Framing",
    "ModelFacts",
    "load_model",
    "save_model",
    "starter_path",
]
