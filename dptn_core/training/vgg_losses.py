"""VGG19 content and style terms (paper section 3.4) and DPTN-TA's affinity, when the weights are at hand."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..checkpoint.weight_files import WeightFileError, fill, read_weights

# Indices in torchvision's vgg19().features.
_CONTENT = (1, 6, 11, 20, 29)  # relu1_1, 2_1, 3_1, 4_1, 5_1
_STYLE = (8, 17, 26, 31)  # relu2_2, 3_4, 4_4, 5_2
_AFFINITY = (20, 29)  # relu4_1, 5_1
_NO_LENGTH = 1e-4  # features shorter than this have no direction


def find_vgg_weights(path: str = "") -> Path | None:
    """The file named by `path`, or torchvision's cached download, or None. Nothing is downloaded.

    Raises:
        WeightFileError: `path` names no file.
    """
    if path:
        if not Path(path).is_file():
            raise WeightFileError(f"losses.vgg: {path} is not a file; name torchvision's vgg19-*.pth")
        return Path(path)
    cached = sorted((Path(torch.hub.get_dir()) / "checkpoints").glob("vgg19-*.pth"))
    return cached[0] if cached else None


class PerceptualLoss(nn.Module):
    """L1 between VGG19 features (content) and between their Gram matrices (style).

    Images go in as they are, in [-1, 1] and without ImageNet's normalisation, as in the authors' training.
    """

    def __init__(self, features: nn.Sequential) -> None:
        """Wrap torchvision's `vgg19().features`, frozen."""
        super().__init__()
        self.layers = nn.ModuleList(features[: max(_STYLE) + 1])
        for layer in self.layers:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False  # the features are compared, not only passed on
        self.requires_grad_(False)

    @classmethod
    def load(cls, path: Path) -> PerceptualLoss:
        """Read torchvision's VGG19 weights (.pth or .safetensors).

        Raises:
            WeightFileError: the file holds something else.
        """
        from torchvision.models import vgg19

        with torch.device("meta"):  # the classifier, most of the network, is never used
            features = vgg19(weights=None).features
        features.to_empty(device="cpu")
        what, begin = "torchvision's VGG19", "features."
        weights = read_weights(path, what)
        named = {name.removeprefix(begin): value for name, value in weights.items() if name.startswith(begin)}
        fill(features, named, path, what)
        return cls(features)

    def activations(self, image: Tensor) -> dict[int, Tensor]:
        """Features of (B, 3, H, W) images at every layer that the terms use."""
        found = {}
        for index, layer in enumerate(self.layers):
            image = layer(image)
            if index in _CONTENT or index in _STYLE:
                found[index] = image
        return found

    def forward(
        self, image: Tensor, ground_truth: Tensor, source: Tensor | None = None, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Content, style and, where a source is given, affinity distance of (B, 3, H, W) images in [-1, 1]: scalars.

        The affinity (DPTN-TA, TVCG 2023) compares to which places of the source each place of `image` and of `truth`
        is alike, by cosine of their features, as weights that sum to 1.
        """
        generated = self.activations(image)
        with torch.no_grad():  # nothing is learnt from the ground truth, and its graph would double the memory
            wanted = self.activations(ground_truth)
            known = None if source is None else self.activations(source)
        zero = image.new_zeros(())
        content = sum((functional.l1_loss(generated[i], wanted[i]) for i in _CONTENT), zero)
        style = sum((functional.l1_loss(gram(generated[i]), gram(wanted[i])) for i in _STYLE), zero)
        if known is None:
            return content, style, None
        alike = (
            functional.l1_loss(
                affinity(generated[i], known[i], temperature), affinity(wanted[i], known[i], temperature)
            )
            for i in _AFFINITY
        )
        return content, style, sum(alike, zero)


def affinity(features: Tensor, source: Tensor, temperature: float = 1.0) -> Tensor:
    """Weights (B, N, M), fp32, by which each place of `features` is like the places of `source`.

    Args:
        features: (B, C, h, w) with N = h * w.
        source: (B, C, h', w') with M = h' * w'.
        temperature: cosines are divided by it before the softmax.
    """
    with torch.autocast(features.device.type, enabled=False):
        query, key = (x.flatten(2).float() for x in (features, source))
        query, key = (x / x.norm(dim=1, keepdim=True).clamp(min=_NO_LENGTH) for x in (query, key))
        return (query.transpose(1, 2) @ key / temperature).softmax(-1)


def gram(features: Tensor) -> Tensor:
    """Channel correlations (B, C, C) of (B, C, H, W) features, divided by C * H * W."""
    with torch.autocast(features.device.type, enabled=False):  # sums over a whole image overflow fp16
        flat = features.flatten(2).float()
        return flat @ flat.transpose(1, 2) / flat[0].numel()
