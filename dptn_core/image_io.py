"""Any image in, one kind of tensor out: (3, H, W) float32 in [0, 1], RGB."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeGuard

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional

from .system.files import NoFileError, check_writable, opened_file, written_beside

MAX_SIDE = 16_384  # pixels
MAX_PIXELS = 100_000_000  # beyond it one image alone would take gigabytes
_TOO_LARGE = (
    f"images of up to {MAX_PIXELS // 10**6} million pixels and sides of up to {MAX_SIDE} are read. Scale it down"
)
_BAND = 2**18  # pixels of an image that are converted at once
_BRIGHTEST = 16.0  # highlights of HDR images are cut off at 1; more than this was never meant as 0 to 1


class ImageError(ValueError):
    """An image that cannot be used; the message names it, what is wrong and the way out."""


def read_image(path: Path) -> Tensor:
    """Read an image file of any mode Pillow knows; see `to_image` for what happens to alpha and depth.

    Raises:
        ImageError: no such file, no image, or too large.
    """
    try:
        with opened_file(path) as file, Image.open(file) as opened:
            if max(opened.size) > MAX_SIDE or opened.width * opened.height > MAX_PIXELS:
                raise ImageError(f"{path} is {opened.width}x{opened.height}; {_TOO_LARGE}")
            ImageOps.exif_transpose(opened, in_place=True)
            return to_image(opened)
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        raise ImageError(
            f"{path} is not an image in a format that can be read here (PNG, JPEG, WebP, ...); convert it"
        ) from None
    except NoFileError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}; name an image that can be") from None
    except ImageError:
        raise
    except Image.DecompressionBombError:
        raise ImageError(f"{path} is far too large; {_TOO_LARGE}") from None
    except Exception as error:  # a damaged file may fail anywhere in a decoder
        if isinstance(error, OSError) and error.strerror:
            raise ImageError(f"{path} cannot be read: {error.strerror}; name an image that can be") from error
        raise ImageError(
            f"{path} cannot be read: {error}; it is damaged: download it again, or leave it out"
        ) from error


def to_image(image: Image.Image | np.ndarray | Tensor) -> Tensor:
    """Bring an image into the form the network's surroundings use.

    Args:
        image: a Pillow image of any mode, a numpy array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), of uint8, uint16,
            bool or floats in [0, 1], or a tensor of those layouts (a ComfyUI image without its batch).

    Returns:
        (3, H, W) float32 in [0, 1]; a tensor of three such channels is not copied: do not write into it.
        Transparent places become white, as the studio images the networks of this field are trained on.

    Raises:
        ImageError: another layout, or numbers that are no image.
    """
    if isinstance(image, Image.Image):
        height, width, read = image.height, image.width, _pillow_reader(image)
    else:
        height, width, read = _array_reader(image)
    if not height or not width:
        raise ImageError(f"an image has at least one pixel, not {width}x{height}")
    # by bands, as each step in between would need as much memory as the result
    step = max(1, _BAND // width)
    bands = [(start, min(start + step, height)) for start in range(0, height, step)]
    if _as_it_is(image) and all(_in_range(read(*band)) for band in bands):
        return image.detach().permute(2, 0, 1)
    found = np.empty((height, width, 3), np.float32)
    for start, stop in bands:
        found[start:stop] = _colour(read(start, stop))
    return torch.from_numpy(found).permute(2, 0, 1)


def _as_it_is(image: object) -> TypeGuard[Tensor]:
    """Whether an image has the layout and the kind of number of what `to_image` returns."""
    return (
        isinstance(image, Tensor)
        and image.dtype == torch.float32
        and image.device.type == "cpu"
        and image.ndim == 3
        and image.shape[2] == 3
    )


def _in_range(values: np.ndarray) -> bool:
    return bool(values.min() >= 0 and values.max() <= 1)  # which NaN is not


_Reader: TypeAlias = Callable[[int, int], np.ndarray]  # from one row to another, as (rows, W, C) of any kind of number


def _array_reader(image: np.ndarray | Tensor) -> tuple[int, int, _Reader]:
    """Height, width and rows of an array or a tensor.

    Raises:
        ImageError: it has another layout.
    """
    values = image if isinstance(image, Tensor) else np.asarray(image)
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim != 3 or values.shape[2] not in (1, 3, 4) or 0 in values.shape:
        raise ImageError(f"an image has the shape (height, width, 1, 3 or 4 channels), not {tuple(values.shape)}")

    def read(start: int, stop: int) -> np.ndarray:
        rows = values[start:stop]
        if isinstance(rows, np.ndarray):
            return rows
        rows = rows.detach().cpu()
        array: np.ndarray = (rows.float() if rows.is_floating_point() else rows).numpy()  # numpy knows no bfloat16
        return array

    return values.shape[0], values.shape[1], read


def _pillow_reader(image: Image.Image) -> _Reader:
    """Rows of a Pillow image of any mode."""
    # what the numbers of these modes mean depends on the largest
    extrema = image.getextrema() if image.mode in ("I", "F") and image.width and image.height else (0, 0)
    brightest = float(np.max(extrema))

    def read(start: int, stop: int) -> np.ndarray:
        rows = _from_pillow(image.crop((0, start, image.width, stop)), brightest)
        return rows if rows.ndim == 3 else rows[..., None]

    return read


def _colour(values: np.ndarray) -> np.ndarray:
    """Rows (h, W, C) of an image as (h, W, 3) or (h, W, 1) float32 in [0, 1], on white where they are transparent.

    Raises:
        ImageError: the numbers are no image.
    """
    if values.dtype.kind not in "bfu" or (values.dtype.kind == "u" and values.dtype.itemsize > 2):
        raise ImageError(f"an image holds uint8, uint16 or floats in [0, 1], not {values.dtype}; convert it first")
    numbers = values.astype(np.float32)
    if values.dtype.kind == "u":
        numbers /= np.float32(np.iinfo(values.dtype).max)
    if not np.isfinite(numbers).all():
        raise ImageError("the image holds NaN or infinite values; repair the step that made it")
    if numbers.max() > _BRIGHTEST:
        raise ImageError(f"the image's floats reach {numbers.max():.0f}; they must lie in [0, 1]: divide by 255")
    colour, alpha = numbers[..., :3].clip(0, 1), numbers[..., 3:].clip(0, 1)
    return (colour * alpha + (1 - alpha)).astype(np.float32) if alpha.size else colour


def _from_pillow(image: Image.Image, brightest: float) -> np.ndarray:
    """An image, or a part of one whose largest number is `brightest`, as an array."""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode == "I":  # 16-bit PNGs arrive as 32-bit integers in some versions of Pillow
        return np.asarray(image).clip(0, 65535).astype(np.uint8 if brightest <= 255 else np.uint16)
    if image.mode == "F":
        values = np.asarray(image).astype(np.float32)
        return values if brightest <= 1 else values / 255
    if image.mode == "La":  # premultiplied, as is RGBa; Pillow converts it to LA alone
        image = image.convert("LA")
    if image.mode in ("RGBA", "RGBa", "LA", "PA") or "transparency" in image.info:
        return np.asarray(image.convert("RGBA"))
    return np.asarray(image.convert("RGB"))


def to_bytes(image: Tensor) -> np.ndarray:
    """(3, H, W) in [0, 1] as (H, W, 3) uint8."""
    array: np.ndarray = image.clamp(0, 1).mul_(255).round_().byte().permute(1, 2, 0).cpu().numpy()
    return array


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """(3, H, W) at another size: averaged when smaller, bicubic when larger."""
    return image if tuple(image.shape[1:]) == tuple(size) else interpolated(image, size).clamp(0, 1)


def interpolated(image: Tensor, size: tuple[int, int]) -> Tensor:
    """As `resize`, without cutting off what bicubic curves overshoot: (3, H, W) float32."""
    if tuple(image.shape[1:]) == tuple(size):
        return image.float()
    device = image.device
    # Apple's GPUs have no antialiased bicubic resampling
    wide = image[None].float().to("cpu" if device.type == "mps" else device)
    resized = functional.interpolate(wide, size, mode="bicubic", align_corners=False, antialias=True)
    return resized[0].to(device)


def check_format(path: Path) -> None:
    """Refuse to start what could not be written under this name.

    Raises:
        ImageError: the suffix names no format, or the folder cannot be written.
    """
    if Image.registered_extensions().get(path.suffix.lower()) not in Image.SAVE:
        raise ImageError(f"{path} cannot be written: {path.suffix or 'no suffix'!r} names no format; use .png")
    try:
        check_writable(path)
    except OSError as error:
        raise ImageError(f"{path} cannot be written: {error.strerror}") from error


def write_image(path: Path, image: Tensor | np.ndarray) -> None:
    """Write (3, H, W) in [0, 1], or (H, W, 3) uint8, in the format the suffix names; whole or not at all.

    Raises:
        ImageError: the suffix names no format, or the folder cannot be written.
    """
    check_format(path)
    array = to_bytes(image) if isinstance(image, Tensor) else image
    try:
        with written_beside(path) as beside:
            Image.fromarray(array).save(beside)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{path} cannot be written: {reason}") from error
