"""The nodes that compute, under stand-ins for what they use of ComfyUI: a computing device, and the CPU for results."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import torch
from torch import Tensor
from transfer_fixture import person

from dptn_core.checkpoint import DPTNModel
from dptn_core.pose import Canvas, People, write_openpose

ROOT = Path(__file__).parents[2]


class _Patcher:
    """Holds a network, as the host does."""

    def __init__(self, model: torch.nn.Module, load_device: torch.device, offload_device: torch.device) -> None:
        self.model, self.load_device = model, load_device


class _Output:
    def __init__(self, *args: Any, ui: Any = None) -> None:
        self.args, self.ui = args, ui


def _load(patchers: Iterable[_Patcher], memory_required: int = 0) -> None:
    for patcher in patchers:
        patcher.model.to(patcher.load_device)


def _stand_ins(device: torch.device, folder: Path) -> dict[str, Any]:
    management = SimpleNamespace(
        get_torch_device=lambda: device,
        intermediate_device=lambda: torch.device("cpu"),
        unet_offload_device=lambda: torch.device("cpu"),
        load_models_gpu=_load,
        get_free_memory=lambda device: 2**40,
        throw_exception_if_processing_interrupted=lambda: None,
    )
    io = MagicMock(ComfyNode=object, NodeOutput=_Output)
    latest = SimpleNamespace(ComfyExtension=object, io=io, ui=MagicMock())
    patchers = SimpleNamespace(ModelPatcher=_Patcher)
    comfy = ModuleType("comfy")
    comfy.model_management, comfy.model_patcher = management, patchers  # type: ignore[attr-defined]
    comfy.utils = MagicMock()  # type: ignore[attr-defined]
    return {
        "comfy": comfy,
        "comfy.model_management": management,
        "comfy.model_patcher": patchers,
        "comfy.utils": comfy.utils,  # type: ignore[attr-defined]
        "comfy_api": SimpleNamespace(latest=latest),
        "comfy_api.latest": latest,
        "folder_paths": SimpleNamespace(get_temp_directory=lambda: str(folder), models_dir=str(folder)),
    }


def run_nodes(device: torch.device, model: DPTNModel, image: Tensor, folder: Path) -> dict[str, Any]:
    """What Encode Source, Transfer Pose and Attention Preview return.

    Args:
        device: where the host would compute.
        model: on the CPU.
        image: (3, H, W) in [0, 1], of somebody in the middle.
        folder: for what nodes send to the browser.
    """
    pack = ModuleType("pack")
    pack.__path__ = [str(ROOT)]
    for name in [name for name in sys.modules if name.split(".")[0] == "pack"]:
        del sys.modules[name]  # of a run on another device
    sys.modules.update({**_stand_ins(device, folder), "pack": pack})
    host = importlib.import_module("pack.nodes.host")
    types, texturing = (importlib.import_module(f"pack.nodes.{name}") for name in ("types", "texturing"))
    checkpoint = importlib.import_module("pack.dptn_core.checkpoint")
    model = checkpoint.DPTNModel(*(getattr(model, name) for name in model.__dataclass_fields__))
    hosted = types.HostedModel(model, host.managed(model.generator), texturing.load_texture_networks())

    def run(name: str, node: str, *inputs: Any, **more: Any) -> Any:
        kind = getattr(importlib.import_module(f"pack.nodes.{name}"), node)
        return inspect.unwrap(kind.execute.__func__)(kind, *inputs, **more)  # its check of inputs wants a host's schema

    canvas = Canvas(image.shape[2], image.shape[1])
    size = (canvas.width, canvas.height)
    source, *targets = (write_openpose([People((person(size, sway=0.1, seed=n),), canvas)]) for n in range(3))
    frames = [frame for target in targets for frame in target]
    batch = image.permute(1, 2, 0)[None]
    encoded = run("encode_source", "EncodeSource", hosted, batch, source, "largest", "as the model was trained", 0)
    settings = ("largest", "as the pose is", "stop with an error", 2)
    done = run("transfer_pose", "TransferPose", encoded.args[0], frames, *settings)
    draft = run("transfer_pose", "TransferPose", encoded.args[0], frames, *settings, draft=64)
    shown = run("attention_preview", "AttentionPreview", done.args[1], "all joints", "", 1, -1, -1)
    return {"encoded": encoded, "transfer": done, "draft": draft, "attention": shown}


def resting_tensors(results: dict[str, Any]) -> dict[str, Tensor]:
    """Every tensor that the nodes hand on, all of which must rest on the CPU."""
    found = {
        f"{name} {number}": value
        for name, output in results.items()
        for number, value in enumerate(output.args)
        if isinstance(value, Tensor)
    }
    held = results["transfer"].args[1].sequences[0].generated
    found |= {"held images": held.images, "held source": held.source.image}
    for name, tensor in found.items():
        assert tensor.device.type == "cpu", f"{name} rests on {tensor.device}"
    return found
