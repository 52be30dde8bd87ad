"""A pair's images as WebP files: colours with loss, labels and correspondence without.

WebP's lossless mode predicts every channel from its neighbours and codes what is left by its frequency. Labels that
hold still and a correspondence that runs on smoothly are what it was made for: in our measurements it took three
quarters of the bytes that zlib takes for differences of neighbours, and reads as fast.
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .one import Bytes, Flags, Floats, OnePair

FILES: Final = 4  # of a pair: source, target, labels, correspondence
STEPS: Final = 4  # of the correspondence, a pixel
_FURTHEST: Final = 2**15  # steps
_METHOD: Final = 4  # WebP's effort for colours, 0 to 6
_LOSSLESS_METHOD: Final = 2  # more effort saves one byte in a hundred and takes three times as long
_MASK, _SEEN = 1, 2  # bits of the labels' third channel


def encode(pair: OnePair, quality: int) -> tuple[bytes, ...]:
    """The pair's `FILES` files.

    Args:
        pair: the pair; a place of its correspondence further than 8191 pixels away is moved there.
        quality: of source and target, 0 to 100.

    Raises:
        ValueError: there are more than 16 parts or garments.
    """
    return (
        _lossy(pair.source, quality),
        _lossy(pair.target, quality),
        _lossless(_labels(pair)),
        _lossless(_steps(pair.correspondence)),
    )


def decode_colours(file: bytes) -> Bytes:
    """(H, W, 3)."""
    return _read(file, "RGB")


def decode_labels(file: bytes) -> dict[str, Bytes | Flags]:
    """Mask, matte, parts and garments of source and target, and what is seen, by the names of `OnePair`."""
    both = _read(file, "RGB")
    found: dict[str, Bytes | Flags] = {}
    for name, half in zip(("source", "target"), np.split(both, 2), strict=True):
        codes: Bytes = half[..., 0]
        flags: Bytes = half[..., 2]
        found[f"{name}_parts"] = codes >> np.uint8(4)
        found[f"{name}_garments"] = codes & np.uint8(15)
        found[f"{name}_matte"] = half[..., 1].copy()
        found[f"{name}_mask"] = (flags & _MASK) > 0
    found["seen"] = (flags & _SEEN) > 0
    return found


def decode_correspondence(file: bytes) -> Floats:
    """(H, W, 2) xy pixels, to an eighth of a pixel."""
    channels = _read(file, "RGBA").astype(np.uint16)
    steps = (channels[..., :2] | (channels[..., 2:] << 8)).view(np.int16)
    return (steps / np.float32(STEPS)).astype(np.float32)


def _labels(pair: OnePair) -> Bytes:
    """(2H, W, 3): source above target; parts and garments in one byte, matte, flags."""
    for name in ("source_parts", "target_parts", "source_garments", "target_garments"):
        if (largest := int(getattr(pair, name).max())) > 15:
            raise ValueError(f"{name} holds label {largest}; the files have room for 0 to 15")
    halves = []
    for name, seen in (("source", None), ("target", pair.seen)):
        codes = (getattr(pair, f"{name}_parts") << 4) | getattr(pair, f"{name}_garments")
        flags = getattr(pair, f"{name}_mask").astype(np.uint8) * np.uint8(_MASK)
        if seen is not None:
            flags |= seen.astype(np.uint8) * np.uint8(_SEEN)
        halves.append(np.dstack([codes, getattr(pair, f"{name}_matte"), flags]))
    return np.concatenate(halves)


def _steps(correspondence: Floats) -> Bytes:
    """(H, W, 4): low bytes of x and y, then high bytes; neighbours differ in the low ones alone."""
    steps = np.nan_to_num(correspondence * STEPS).round().clip(-_FURTHEST, _FURTHEST - 1)
    whole: NDArray[np.uint16] = steps.astype(np.int16).view(np.uint16)
    return np.dstack([whole & 255, whole >> 8]).astype(np.uint8)


def _lossy(image: Bytes, quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "webp", quality=quality, method=_METHOD)
    return file.getvalue()


def _lossless(image: Bytes) -> bytes:
    file = io.BytesIO()
    # exact: otherwise colours where the fourth channel is 0 are made to fit
    Image.fromarray(image).save(file, "webp", lossless=True, exact=True, method=_LOSSLESS_METHOD)
    return file.getvalue()


def _read(file: bytes, mode: str) -> Bytes:
    with Image.open(io.BytesIO(file), formats=("webp",)) as image:
        # a file whose alpha is 255 everywhere says that it has none
        return np.asarray(image if image.mode == mode else image.convert(mode))
