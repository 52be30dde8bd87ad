"""Any picture in, one kind of tensor out: (3, H, W) float32 in [0, 1], RGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional

from .system.files import written_beside

LARGEST_SIDE = 16_384  # pixels
LARGEST_PIXELS = 100_000_000  # beyond it one picture alone would take gigabytes
_TOO_LARGE = (
    f"pictures of up to {LARGEST_PIXELS // 10**6} million pixels and sides of up to {LARGEST_SIDE} are read. "
    "Scale it down"
)
_BRIGHTEST = 16.0  # highlights of HDR pictures are cut off at 1; more than this was never meant as 0 to 1


class PictureError(ValueError):
    """A picture that cannot be used; the message names it, what is wrong and the way out."""


def read_picture(path: Path) -> Tensor:
    """Read a picture file of any mode Pillow knows; see `to_picture` for what happens to alpha and depth.

    Raises:
        PictureError: no such file, no picture, or too large.
    """
    try:
        with Image.open(path) as opened:
            if max(opened.size) > LARGEST_SIDE or opened.width * opened.height > LARGEST_PIXELS:
                raise PictureError(f"{path} is {opened.width}x{opened.height}; {_TOO_LARGE}")
            return to_picture(ImageOps.exif_transpose(opened))
    except FileNotFoundError:
        raise PictureError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        raise PictureError(
            f"{path} is not a picture in a format that can be read here (PNG, JPEG, WebP, ...); convert it"
        ) from None
    except PictureError:
        raise
    except Image.DecompressionBombError:
        raise PictureError(f"{path} is far too large; {_TOO_LARGE}") from None
    except Exception as error:  # a damaged file may fail anywhere in a decoder
        if isinstance(error, OSError) and error.strerror:
            raise PictureError(f"{path} cannot be read: {error.strerror}; name a picture that can be") from error
        raise PictureError(f"{path} cannot be read: {error}; it is damaged: get it anew, or leave it out") from error


def to_picture(picture: Image.Image | np.ndarray | Tensor) -> Tensor:
    """Bring a picture into the form the network's surroundings use.

    Args:
        picture: a Pillow image of any mode, a numpy array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), of uint8, uint16,
            bool or floats in [0, 1], or a tensor of those layouts (a ComfyUI image without its batch).

    Returns:
        (3, H, W) float32 in [0, 1]. Transparent places become white, as the studio pictures the networks of this
        field are trained on.

    Raises:
        PictureError: another layout, or numbers that are no picture.
    """
    if isinstance(picture, Image.Image):
        picture = _from_pillow(picture)
    if isinstance(picture, Tensor):
        picture = picture.detach().cpu()
        values = (picture.float() if picture.is_floating_point() else picture).numpy()  # numpy knows no bfloat16
    else:
        values = np.asarray(picture)
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim != 3 or values.shape[2] not in (1, 3, 4) or 0 in values.shape:
        raise PictureError(f"a picture has the shape (height, width, 1, 3 or 4 channels), not {values.shape}")
    if values.dtype.kind not in "bfu" or (values.dtype.kind == "u" and values.dtype.itemsize > 2):
        raise PictureError(f"a picture holds uint8, uint16 or floats in [0, 1], not {values.dtype}; convert it first")
    numbers = values.astype(np.float32)
    if values.dtype.kind == "u":
        numbers /= np.float32(np.iinfo(values.dtype).max)
    if not np.isfinite(numbers).all():
        raise PictureError("the picture holds NaN or infinite values; repair the step that made it")
    if numbers.max() > _BRIGHTEST:
        raise PictureError(f"the picture's floats reach {numbers.max():.0f}; they must lie in [0, 1]: divide by 255")
    colour, alpha = numbers[..., :3].clip(0, 1), numbers[..., 3:].clip(0, 1)
    if alpha.size:
        colour = (colour * alpha + (1 - alpha)).astype(np.float32)
    if colour.shape[2] == 1:
        colour = colour.repeat(3, axis=2)
    return torch.from_numpy(np.ascontiguousarray(colour)).permute(2, 0, 1)


def _from_pillow(picture: Image.Image) -> np.ndarray:
    if picture.mode.startswith("I;16"):
        return np.asarray(picture).astype(np.uint16)
    if picture.mode == "I":  # 16-bit PNGs arrive as 32-bit integers in some versions of Pillow
        values = np.asarray(picture).astype(np.int64).clip(0, 65535)
        return values.astype(np.uint8 if values.max(initial=0) <= 255 else np.uint16)
    if picture.mode == "F":
        values = np.asarray(picture).astype(np.float32)
        return values if values.max(initial=0) <= 1 else values / 255
    if picture.mode == "La":  # premultiplied, as is RGBa; Pillow converts it to LA alone
        picture = picture.convert("LA")
    if picture.mode in ("RGBA", "RGBa", "LA", "PA") or "transparency" in picture.info:
        return np.asarray(picture.convert("RGBA"))
    return np.asarray(picture.convert("RGB"))


def to_bytes(picture: Tensor) -> np.ndarray:
    """(3, H, W) in [0, 1] as (H, W, 3) uint8."""
    array: np.ndarray = picture.clamp(0, 1).mul_(255).round_().byte().permute(1, 2, 0).cpu().numpy()
    return array


def resize(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """(3, H, W) at another size: averaged when smaller, bicubic when larger."""
    if tuple(picture.shape[1:]) == tuple(size):
        return picture
    device = picture.device
    # Apple's GPUs have no antialiased bicubic resampling
    wide = picture[None].float().to("cpu" if device.type == "mps" else device)
    resized = functional.interpolate(wide, size, mode="bicubic", align_corners=False, antialias=True)
    return resized[0].clamp(0, 1).to(device)


def check_format(path: Path) -> None:
    """Refuse to start what could not be written under this name.

    Raises:
        PictureError: the suffix names no format.
    """
    if Image.registered_extensions().get(path.suffix.lower()) not in Image.SAVE:
        raise PictureError(f"{path} cannot be written: {path.suffix or 'no suffix'!r} names no format; use .png")


def write_picture(path: Path, picture: Tensor | np.ndarray) -> None:
    """Write (3, H, W) in [0, 1], or (H, W, 3) uint8, in the format the suffix names; whole or not at all.

    Raises:
        PictureError: the suffix names no format, or the folder cannot be written.
    """
    check_format(path)
    array = to_bytes(picture) if isinstance(picture, Tensor) else picture
    try:
        with written_beside(path) as beside:
            Image.fromarray(array).save(beside)
    except (OSError, ValueError) as error:
        raise PictureError(f"{path} cannot be written: {error}") from error
