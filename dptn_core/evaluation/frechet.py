"""FID: how far apart two sets of images are as Gaussians of Inception's features (Heusel et al., NIPS 2017).

The features are torchvision's, as in all papers of this field; FIDs of the TensorFlow weights (clean-fid, torchmetrics)
are other numbers. Preparation, exactly: images in [0, 1], bilinear to 299x299 without antialiasing, each channel
times ImageNet's deviation / 0.5 plus (ImageNet's mean - 0.5) / 0.5, which is torchvision's `transform_input` though it
expects images that were normalised before. All images count; the authors' script leaves out the last, incomplete
batch of 64.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ..checkpoint.weight_files import WeightFileError, fill, read_weights
from ..system.files import written_beside
from .metric_weights import INCEPTION

FEATURES = 2048
BATCH = 16  # images Inception sees at once
_GATHERED = 512  # features whose moments are taken at once: the scatter of 2048 of them is 32 MiB
_SIDE = 299
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and scatter of a set of vectors; sets seen by several processes are added.

    Attributes:
        count: Vectors seen.
        mean: (D,) float64.
        scatter: (D, D) float64, the sum of outer products of what is left without the mean.
    """

    count: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]

    @classmethod
    def of(cls, vectors: NDArray[np.floating]) -> Moments:
        """Moments of (N, D) vectors."""
        wide = np.asarray(vectors, np.float64)
        mean = wide.mean(0) if len(wide) else np.zeros(wide.shape[1])
        apart = wide - mean
        return cls(len(wide), mean, apart.T @ apart)

    def __add__(self, other: Moments) -> Moments:
        """Moments of both sets together (Chan et al. 1979, which does not lose digits as sums of squares do)."""
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        gap = other.mean - self.mean
        mean = self.mean + gap * (other.count / count)
        scatter = self.scatter + other.scatter + np.outer(gap, gap) * (self.count * other.count / count)
        return Moments(count, mean, scatter)

    @property
    def covariance(self) -> NDArray[np.float64]:
        """(D, D), of a sample (n - 1).

        Raises:
            ValueError: there are fewer than two vectors.
        """
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 images, got {self.count}")
        return self.scatter / (self.count - 1)


def frechet_distance(one: Moments, other: Moments) -> float:
    """|m1 - m2|^2 + Tr(C1 + C2 - 2 (C1 C2)^(1/2)), 0 or more.

    With C1 = A A^T and C2 = B B^T the trace of the root is the sum of the singular values of A^T B: no complex parts,
    no offset for singular covariances, and fewer images than features do no harm and take less time.

    Raises:
        ValueError: a set has fewer than two images, or they have different numbers of features.
    """
    if one.mean.shape != other.mean.shape:
        raise ValueError(f"{len(one.mean)} and {len(other.mean)} features cannot be compared")
    first, second = one.covariance, other.covariance
    shared = np.linalg.svd(_factor(first).T @ _factor(second), compute_uv=False).sum()
    gap = one.mean - other.mean
    found = gap @ gap + np.trace(first) + np.trace(second) - 2 * shared
    return max(float(found), 0.0)


def _factor(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (D, R) A of covariance = A A^T, (D, D), whose rank is R: Cholesky's, with pivots."""
    from scipy.linalg.lapack import dpstrf

    found, pivots, rank, _ = dpstrf(covariance, lower=1)
    factor = np.zeros((len(covariance), rank))
    factor[pivots - 1] = np.tril(found)[:, :rank]  # LAPACK counts from 1
    return factor


class FeatureNetwork(Protocol):
    """A network whose features make a Fréchet distance.

    Attributes:
        features: How many of them an image has.
    """

    features: int

    def prepared(self, image: Tensor) -> Tensor:
        """(3, H, W) in [0, 1], on the network's device, as the network sees it: of one size for all."""

    def __call__(self, prepared: Tensor) -> Tensor:
        """B prepared images -> (B, features)."""


class InceptionFeatures(nn.Module):
    """The 2048 pooled features of torchvision's Inception v3; build it with `load`."""

    mean: Tensor
    deviation: Tensor
    features = FEATURES

    def __init__(self, inception: nn.Module) -> None:
        """Wrap torchvision's Inception3."""
        super().__init__()
        self.inception = inception
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1))
        self.requires_grad_(False)
        self.eval()

    @classmethod
    def load(cls, path: Path) -> InceptionFeatures:
        """Read torchvision's `inception_v3_google-*.pth`, or a .safetensors of the same names.

        Raises:
            WeightFileError: the file holds something else.
        """
        from torchvision.models import Inception3

        with torch.device("meta"):
            inception = Inception3(aux_logits=False, transform_input=False, init_weights=False)
        inception.to_empty(device="cpu")
        inception.fc = nn.Identity()
        weights = read_weights(path, INCEPTION.what)
        kept = {name: value for name, value in weights.items() if not name.startswith(("fc.", "AuxLogits."))}
        fill(inception, kept, path, INCEPTION.what)
        return cls(inception)

    def prepared(self, image: Tensor) -> Tensor:
        """(3, H, W) in [0, 1] as Inception sees it, (3, 299, 299)."""
        square = functional.interpolate(image[None], (_SIDE, _SIDE), mode="bilinear", align_corners=False)
        changed: Tensor = square * (self.deviation / 0.5) + (self.mean - 0.5) / 0.5
        return changed[0]

    def forward(self, prepared: Tensor) -> Tensor:
        """(B, 3, 299, 299) from `prepared` -> (B, 2048)."""
        features: Tensor = self.inception(prepared)
        return features


class FeatureMoments:
    """Gathers moments of images that come one by one; the network sees `BATCH` at a time."""

    def __init__(self, network: FeatureNetwork) -> None:
        """Start with no images."""
        self._network = network
        self._waiting: list[Tensor] = []
        self._features: list[NDArray[np.floating]] = []
        width = network.features
        self._moments = Moments(0, np.zeros(width), np.zeros((width, width)))

    def add(self, image: Tensor) -> None:
        """Count one more image, (3, H, W) in [0, 1], on the network's device."""
        self._waiting.append(self._network.prepared(image))
        if len(self._waiting) >= BATCH:
            self._run()
        if len(self._features) * BATCH >= _GATHERED:
            self._gather()

    def moments(self) -> Moments:
        """Of all images so far."""
        self._run()
        self._gather()
        return self._moments

    def _run(self) -> None:
        if not self._waiting:
            return
        with torch.inference_mode():
            features = self._network(torch.stack(self._waiting))
        self._waiting.clear()
        self._features.append(features.float().cpu().numpy())

    def _gather(self) -> None:
        if self._features:
            self._moments = self._moments + Moments.of(np.concatenate(self._features))
            self._features.clear()


def moments_of(images: Iterable[Tensor], network: FeatureNetwork) -> Moments:
    """Moments of the features of images (3, H, W) in [0, 1], on the network's device."""
    gathered = FeatureMoments(network)
    for image in images:
        gathered.add(image)
    return gathered.moments()


def save_moments(path: Path, moments: Moments, protocol: str) -> None:
    """Write an .npz with `mu` and `sigma`, as the field's scripts cache them, `count` and the protocol's name.

    Whole or not at all.
    """
    with written_beside(path) as beside, beside.open("wb") as file:
        np.savez(file, mu=moments.mean, sigma=moments.covariance, count=moments.count, protocol=protocol)


def load_moments(path: Path, protocol: str) -> Moments:
    """Read what `save_moments` or one of the field's scripts (`statistics.npz`) wrote.

    Raises:
        WeightFileError: it is no such file, or says that its images were prepared by another protocol.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            mean, covariance = file["mu"].astype(np.float64), file["sigma"].astype(np.float64)
            # theirs do not say how many images there were; only the covariance is ever asked for
            count = int(file["count"]) if "count" in file else 2
            taken = str(file["protocol"]) if "protocol" in file else protocol  # theirs do not say that either
    except Exception as error:
        raise WeightFileError(f"{path} holds no statistics of images (mu and sigma): {error}") from error
    if mean.shape != (FEATURES,) or covariance.shape != (FEATURES, FEATURES) or count < 2:
        raise WeightFileError(f"{path} holds statistics of {mean.shape} and {covariance.shape}, not of Inception's")
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise WeightFileError(f"{path} holds statistics that are not finite; take them again")
    if taken != protocol:
        raise WeightFileError(
            f"{path} was taken under protocol {taken}, which prepares images in another way than {protocol}; take "
            "the real images themselves"
        )
    return Moments(count, mean, covariance * (count - 1))
