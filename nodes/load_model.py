"""Load DPTN Model."""

from __future__ import annotations

import math
from pathlib import Path

from ..dptn_core.checkpoint import load_model, starter_path
from ..dptn_core.system.device import DTYPES, choose_precision
from ..dptn_core.system.text import printable
from . import host
from .errors import NodeError, node_error_context
from .host import io
from .inputs import checks_inputs
from .texturing import load_texture_networks
from .types import HostedModel, ModelType

_NODE, _STARTER = "Load DPTN Model", "starter"


class LoadDPTNModel(io.ComfyNode):
    """A model file as DPTN_MODEL, its weights in the hands of the host's memory management."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNLoadModel",
            display_name="Load DPTN Model",
            category="DPTN",
            description="Loads the network that generates a person in another pose. 'starter' ships with the pack "
            "and suits photographs and drawn figures; put other models into models/dptn.",
            **host.search_words("pose transfer", "repose", "checkpoint", "loader"),
            inputs=[
                io.Combo.Input(
                    "model",
                    options=[_STARTER, *host.model_files()],
                    default=_STARTER,
                    tooltip="'starter' ships with the pack. Files in models/dptn: .safetensors of this project, or "
                    "the authors' .pth (190_net_G.pth). The node never runs code from a file.",
                ),
                io.Combo.Input(
                    "dtype",
                    options=["auto", "fp32", "bf16", "fp16"],
                    default="auto",
                    tooltip="Number format of the weights. auto: bf16 or fp16 where the device is fast at it, "
                    "otherwise fp32. fp16 needs a GPU.",
                ),
            ],
            outputs=[ModelType.Output("dptn_model", display_name="model", tooltip="For Encode Source.")],
        )

    @classmethod
    def fingerprint_inputs(cls, model: object, dtype: object) -> str | float:
        """A file written anew under the same name is loaded anew; one that a link names is not known before it runs."""
        if not isinstance(model, str):
            return math.nan
        with node_error_context(_NODE, "model"):
            path = _path(model)
            stat = path.stat()
        return printable(f"{path} {stat.st_mtime_ns} {stat.st_size} {dtype}")

    @classmethod
    @checks_inputs(files=("model",))
    def execute(cls, model: str, dtype: str) -> io.NodeOutput:
        """Load the file, and the networks that warp texture, into the host's memory management.

        Returns:
            The model, its weights in the number format that `dtype` asks for.

        Raises:
            NodeError: the file is missing, is no DPTN generator, or the device has no such number format.
        """
        with node_error_context(_NODE, "dtype"):
            wanted = "fp32" if dtype == "auto" and host.fp32_is_forced() else dtype
            precision = choose_precision(host.compute_device(), wanted)  # type: ignore[arg-type]  # a combo's value
        with node_error_context(_NODE, "model"):
            loaded = load_model(_path(model), "cpu", DTYPES[precision])
            texture = load_texture_networks()
        return io.NodeOutput(HostedModel(loaded, host.managed(loaded.generator), texture))


def _path(model: str) -> Path:
    if model == _STARTER:
        return starter_path()
    try:
        return host.model_path(model)
    except FileNotFoundError:
        raise NodeError(
            f"{_NODE}, input 'model': {model} is not in models/dptn; put it back or choose another"
        ) from None
