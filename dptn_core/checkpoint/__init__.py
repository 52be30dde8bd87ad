"""Model files: the authors' .pth and our .safetensors in, one typed model out, nothing in them ever run."""

from .checkpoint_error import CheckpointError
from .loading import STARTER, load_model, starter_path
from .metadata import FORMAT_VERSION, Framing, ModelMetadata
from .model import DPTNModel
from .saving import save_model

__all__ = [
    "FORMAT_VERSION",
    "STARTER",
    "CheckpointError",
    "DPTNModel",
    "Framing",
    "ModelMetadata",
    "load_model",
    "save_model",
    "starter_path",
]
