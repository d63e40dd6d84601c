"""MiDaS v2.1 small: relative inverse depth from one picture (Ranftl et al., TPAMI 2022; isl-org/MiDaS).

The decoder is a RefineNet (Lin et al., CVPR 2017). With the
lite3 encoder and its default options, this is the published network: the same 482 keys, the same outputs.
"""

from typing import Literal, cast

from torch import Tensor, nn
from torch.nn import functional

from convert.networks.efficientnet_lite import EfficientNetLite, Variant
from convert.networks.network import Network
from convert.networks.spec import NetworkSpec, Output

Upsampling = Literal["align_corners", "half_pixel"]
"""Where a doubled map's samples lie. The published network aligns corners; what the Edge TPU is known to map
is half-pixel."""

Doubling = Literal["features", "depth"]
"""What is doubled last. The published network doubles 32 feature maps and then convolves them. Doubling the
depth map instead takes a quarter of the work there; the Edge TPU is not known to map 32 maps of 256x256."""

Activation = Literal["relu", "relu6"]
"""Of the decoder; ReLU6 bounds what enters its convolutions, which keeps int8's steps small."""


class Midas(Network):
    """Relative inverse depth (N, 1, H, W), at least 0, larger is nearer, of pictures (N, 3, H, W).

    `features` is the decoder's width at the finest level; with `expand` it doubles at each coarser one. The
    defaults are the published network's.
    """

    def __init__(
        self,
        variant: Variant,
        height: int,
        width: int,
        *,
        features: int = 64,
        expand: bool = True,
        upsampling: Upsampling = "align_corners",
        activation: Activation = "relu",
        doubling: Doubling = "features",
    ) -> None:
        depth = Output("inverse_depth", "inverse_depth")
        super().__init__(NetworkSpec(f"midas-{variant}", height, width, (depth,)))
        self._options: dict[str, str] = {
            "upsampling": upsampling,
            "activation": activation,
            "doubling": doubling,
        }
        self.pretrained = EfficientNetLite(variant)
        self.scratch = Decoder(
            self.pretrained.channels,
            tuple(features * 2**level if expand else features for level in range(4)),
            corners=upsampling == "align_corners",
            bounded=activation == "relu6",
            late=doubling == "depth",
        )

    @property
    def options(self) -> dict[str, str]:
        """Upsampling, activation and doubling."""
        return dict(self._options)

    @property
    def backbone(self) -> EfficientNetLite:
        """The part that ImageNet weights fit."""
        return self.pretrained

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return inverse depth alone, as a tuple."""
        return (self.scratch(self.pretrained(image)),)


class Decoder(nn.Module):
    """From the encoder's four feature maps, `channels` wide, to inverse depth at full size."""

    def __init__(
        self, channels: tuple[int, ...], widths: tuple[int, ...], *, corners: bool, bounded: bool, late: bool
    ) -> None:
        super().__init__()
        # Half-pixel in the published network too, which aligns corners elsewhere.
        doubled = nn.Upsample(scale_factor=2, mode="bilinear")
        self.layer1_rn, self.layer2_rn, self.layer3_rn, self.layer4_rn = (
            nn.Conv2d(inputs, width, 3, padding=1, bias=False)
            for inputs, width in zip(channels, widths, strict=True)
        )
        finest = widths[0]
        self.refinenet1, self.refinenet2, self.refinenet3, self.refinenet4 = (
            _Fusion(width, finer, corners=corners, bounded=bounded)
            for width, finer in zip(widths, (finest, *widths), strict=False)
        )
        self.output_conv = nn.Sequential(
            nn.Conv2d(finest, finest // 2, 3, padding=1),
            nn.Identity() if late else doubled,
            nn.Conv2d(finest // 2, 32, 3, padding=1),
            nn.ReLU6() if bounded else nn.ReLU(),
            nn.Conv2d(32, 1, 1),
            nn.ReLU(),
            doubled if late else nn.Identity(),
        )

    @property
    def last(self) -> nn.Conv2d:
        """The convolution whose outputs are the inverse depths, before those below 0 are cut off."""
        return cast("nn.Conv2d", self.output_conv[4])

    def forward(self, features: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        """Return inverse depth (N, 1, H, W)."""
        first, second, third, fourth = features
        path = self.refinenet4(self.layer4_rn(fourth))
        path = self.refinenet3(path, self.layer3_rn(third))
        path = self.refinenet2(path, self.layer2_rn(second))
        path = self.refinenet1(path, self.layer1_rn(first))
        depth: Tensor = self.output_conv(path)
        return depth


class _Fusion(nn.Module):
    """Joins the path from below with a level's features, refines and doubles it."""

    def __init__(self, inputs: int, outputs: int, *, corners: bool, bounded: bool) -> None:
        super().__init__()
        self.out_conv = nn.Conv2d(inputs, outputs, 1)
        # The coarsest level has no path from below and does not use its first unit; the checkpoint has it.
        self.resConfUnit1 = _ResidualUnit(inputs, bounded=bounded)
        self.resConfUnit2 = _ResidualUnit(inputs, bounded=bounded)
        self.corners = corners

    def forward(self, path: Tensor, features: Tensor | None = None) -> Tensor:
        if features is not None:
            path = path + self.resConfUnit1(features)
        # The reference doubles first and then convolves. A pointwise convolution and an interpolation, whose
        # weights add up to one, commute: this order takes a quarter of the multiplications.
        path = self.out_conv(self.resConfUnit2(path))
        return functional.interpolate(path, scale_factor=2, mode="bilinear", align_corners=self.corners)


class _ResidualUnit(nn.Module):
    """Two convolutions beside a skip, activation first (He et al., ECCV 2016)."""

    def __init__(self, channels: int, *, bounded: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.activation = nn.ReLU6() if bounded else nn.ReLU()

    def forward(self, features: Tensor) -> Tensor:
        deep: Tensor = self.conv2(self.activation(self.conv1(self.activation(features))))
        return deep + features
