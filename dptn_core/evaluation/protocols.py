"""The field's evaluation protocols, by name: what each makes of an image before it is compared.

SSIM, PSNR and FID of different papers were computed on differently prepared images and are not comparable; a number
means something next to the name of its protocol only. What is the same in the three published ones: SSIM over a box of
51 pixels with the sample covariance, as the headline; a Gaussian SSIM whose data range is that of the generated image;
LPIPS of AlexNet on [-1, 1]; FID by torchvision's Inception against the training images. `exact` is ours, for ground
truth that is itself exact: nothing comes between what the network generated and the score.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from ..image_io import resize

# DeepFashion as the field cuts it: columns 40 to 216 of a square of 256.
_SQUARE, _LEFT, _WIDTH = 256, 40, 176
_FASHION = (_SQUARE, _WIDTH)
_JUST_BELOW = 1e-3  # of a grey level: k / 255 * 255 in float32 may end just below k


@dataclass(frozen=True)
class Protocol:
    """How images are prepared; sizes are (H, W) in pixels, None leaves the size of the data set.

    Attributes:
        name: What it is called.
        about: Whose it is and what it does, in a line.
        size: Every image is brought to it first, averaging when it shrinks (bicubic, antialiased).
        cut_off: Generated images become uint8 by cutting off, not by rounding.
        jpeg_quality: Of the file a generated image is saved in before it is looked at; None is a lossless one.
        white_square: Images of 176x256 get 40 white columns on either side for SSIM, PSNR and L1.
        distance_size: Of images for LPIPS and FID, from `size` by bilinear interpolation without antialiasing.
        gaussian_sigma: Of the Gaussian SSIM's window, pixels.
        box: Side of the SSIM's box, pixels.
        exact: Generated images are compared as float32, without grey levels, and resized only where the network's size
            is another; the Gaussian SSIM's data range is 1; scores on the person see the ground truth's background
            around them.
        published: What DPTN's authors report under it on DeepFashion's 8,570 test pairs.
    """

    name: str
    about: str
    size: tuple[int, int] | None
    cut_off: bool
    jpeg_quality: int | None
    white_square: bool
    distance_size: tuple[int, int] | None
    gaussian_sigma: float
    box: int = 51
    exact: bool = False
    published: Mapping[str, float] = field(default_factory=dict)

    def as_saved(self, generated: Tensor, ground_truth_size: tuple[int, int]) -> Tensor:
        """A freshly generated image as it would come back from its file.

        Args:
            generated: (3, h, w) in [0, 1], showing all of the target's canvas at any size.
            ground_truth_size: (H, W) of the target image.

        Returns:
            (3, H, W) float32 in [0, 1], of `size` or `ground_truth_size`; whole 255ths unless `exact`.
        """
        if self.exact:
            return resize(generated.float(), ground_truth_size)
        if self.size is not None:
            return to_levels(resize(generated.float(), self.size), cut_off=self.cut_off)
        # the authors cut off before they resize
        saved = to_levels(interpolate(to_levels(generated.float(), cut_off=self.cut_off), ground_truth_size))
        return saved if self.jpeg_quality is None else _through_jpeg(saved, self.jpeg_quality)

    def as_read(self, image: Tensor, ground_truth_size: tuple[int, int]) -> Tensor:
        """An image read from a file, (3, h, w) in [0, 1], at `size` or `ground_truth_size`.

        Whole 255ths where it changed.
        """
        wanted = self.size or ground_truth_size
        if self.exact or tuple(image.shape[1:]) == wanted:
            return resize(image, wanted)
        resized = resize(image, wanted) if self.size is not None else interpolate(image, wanted)
        return to_levels(resized)

    def for_similarity(self, image: Tensor) -> Tensor:
        """What SSIM, PSNR and L1 see of an image from `as_saved` or `as_read`."""
        if self.white_square and tuple(image.shape[1:]) == _FASHION:
            return functional.pad(image, (_LEFT, _SQUARE - _LEFT - _WIDTH), value=1.0)
        return image

    def for_distance(self, image: Tensor) -> Tensor:
        """What LPIPS and FID see of an image from `as_saved` or `as_read`, still in [0, 1]."""
        return image if self.distance_size is None else interpolate(image, self.distance_size)

    def mask_for(self, mask: Tensor, shape: tuple[int, int]) -> Tensor:
        """A (H, W) bool mask of the target's canvas at `shape`, the (H, W) of an image from `as_saved`."""
        if tuple(mask.shape) == shape:
            return mask
        return functional.interpolate(mask[None, None].float(), shape, mode="nearest-exact")[0, 0] > 0.5

    def mask_for_similarity(self, mask: Tensor) -> Tensor:
        """A mask from `mask_for` where `for_similarity` puts the image; what was added is outside."""
        if self.white_square and tuple(mask.shape) == _FASHION:
            return functional.pad(mask, (_LEFT, _SQUARE - _LEFT - _WIDTH), value=False)
        return mask


PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "exact",
            "float32 as the network generated it: no grey levels, no JPEG, no resizing where the sizes are equal",
            size=None,
            cut_off=False,
            jpeg_quality=None,
            white_square=False,
            distance_size=None,
            gaussian_sigma=1.5,
            exact=True,
        ),
        Protocol(
            "dptn",
            "DPTN and GFLA: saved as JPEG at the data's own size; DeepFashion padded with white to 256x256 for SSIM",
            size=None,
            cut_off=True,
            jpeg_quality=75,
            white_square=True,
            distance_size=None,
            gaussian_sigma=1.5,
            published={"ssim": 0.7112, "lpips": 0.193, "fid": 11.4556, "psnr": 19.15},
        ),
        Protocol(
            "pidm",
            "PIDM: stretched to 256x256 and saved without loss; LPIPS and FID at 176x256",
            size=(_SQUARE, _SQUARE),
            cut_off=False,
            jpeg_quality=None,
            white_square=False,
            distance_size=_FASHION,
            gaussian_sigma=1.2,
        ),
        Protocol(
            "cfld",
            "CFLD: bicubic with antialiasing to 176x256, as whole 255ths",
            size=_FASHION,
            cut_off=True,
            jpeg_quality=None,
            white_square=False,
            distance_size=None,
            gaussian_sigma=1.5,
        ),
    )
}


def to_levels(image: Tensor, *, cut_off: bool = False) -> Tensor:
    """The nearest of the 256 grey levels of a file, or the one below; values in [0, 1]."""
    levels = image.clamp(0, 1) * 255
    return ((levels + _JUST_BELOW).floor() if cut_off else levels.round()) / 255


def interpolate(image: Tensor, size: tuple[int, int]) -> Tensor:
    """(3, H, W) at another size by bilinear interpolation without antialiasing, as OpenCV's resize does by default."""
    if tuple(image.shape[1:]) == size:
        return image
    return functional.interpolate(image[None], size, mode="bilinear", align_corners=False)[0]


def beside(ground_truth: Tensor, generated_size: tuple[int, int]) -> Tensor:
    """The ground truth cut as the generated image is: DeepFashion's squares beside images of their middle columns."""
    if tuple(ground_truth.shape[1:]) == (_SQUARE, _SQUARE) and generated_size == _FASHION:
        return ground_truth[:, :, _LEFT : _LEFT + _WIDTH]
    return ground_truth


def _through_jpeg(image: Tensor, quality: int) -> Tensor:
    levels = (image * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "jpeg", quality=quality)
    with Image.open(file) as opened:
        back = torch.from_numpy(np.array(opened)).to(image.device)
    return back.permute(2, 0, 1).float() / 255
