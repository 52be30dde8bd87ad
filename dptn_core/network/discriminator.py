"""The discriminator used in training: residual, spectrally normalised, without norm layers."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .blocks import activate
from .sizes import DiscriminatorConfig


class DiscriminatorBlock(nn.Module):
    """Features to features of half the size, beside an averaging bypass."""

    def __init__(self, in_features: int, hidden: int, features: int, activate_input: bool) -> None:
        """Build for `in_features` channels in, `hidden` between and `features` out."""
        super().__init__()
        self.activate_input = activate_input  # the first block sees an image, not features
        self.convolution = spectral_norm(nn.Conv2d(in_features, hidden, kernel_size=3, padding=1))
        self.down = spectral_norm(nn.Conv2d(hidden, features, kernel_size=4, stride=2, padding=1))
        self.bypass = spectral_norm(nn.Conv2d(in_features, features, kernel_size=1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_features, H, W) -> (B, features, H/2, W/2)."""
        change = self.convolution(activate(x) if self.activate_input else x)
        change = self.down(activate(change))
        result: Tensor = change + self.bypass(F.avg_pool2d(x, kernel_size=2))
        return result


class Discriminator(nn.Module):
    """Scores how real each patch of an image looks.

    Attributes:
        config: The sizes it was built with.
    """

    def __init__(self, config: DiscriminatorConfig | None = None) -> None:
        """Build with torch's default initialisation; `initialise` gives the paper's."""
        super().__init__()
        self.config = config = config or DiscriminatorConfig()
        base = config.base_features
        self.first = DiscriminatorBlock(config.image_channels, base, base, activate_input=False)
        self.blocks = nn.Sequential(
            *(
                DiscriminatorBlock(
                    config.features(step - 1),
                    config.features(step - 1),
                    config.features(step),
                    activate_input=True,
                )
                for step in range(1, config.layers)
            )
        )
        self.output = spectral_norm(nn.Conv2d(config.features(config.layers - 1), 1, kernel_size=1))

    def forward(self, image: Tensor) -> Tensor:
        """Score patches; in training each call refines the spectral norms by one step of power iteration.

        Args:
            image: (B, C, H, W) in [-1, 1], H and W divisible by `config.stride`.

        Returns:
            (B, 1, H/stride, W/stride) unbounded scores, for least squares: 1 real, 0 drawn.

        Raises:
            ValueError: Channels or size do not fit.
        """
        channels, stride = self.config.image_channels, self.config.stride
        if image.ndim != 4 or image.shape[1] != channels:
            raise ValueError(f"expected an image of shape (batch, {channels}, height, width), got {tuple(image.shape)}")
        if image.shape[2] % stride or image.shape[3] % stride:
            raise ValueError(
                f"image is {image.shape[2]} x {image.shape[3]} (height x width); both must be divisible "
                f"by {stride}: resize or pad it"
            )
        scores: Tensor = self.output(activate(self.blocks(self.first(image))))
        return scores
