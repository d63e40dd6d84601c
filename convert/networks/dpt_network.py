"""DPT, a dense prediction transformer (Ranftl et al., "Vision Transformers for Dense Prediction", ICCV 2021).

In the size of `DPT_LARGE` it is the published network (isl-org/MiDaS, `dpt_large_384.pt`): the same keys, but
for the ImageNet classifier that nothing uses, and the same outputs.
"""

from dataclasses import dataclass
from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_NORM_EPS: Final = 1e-6
"""As in the vision transformers of timm, which the checkpoint was trained on."""


@dataclass(frozen=True)
class DptSize:
    """The size of a DPT.

    Pictures have `side_px`, a multiple of 2 * `patch_px`. The transformer is `width` wide and `blocks` deep;
    what the four blocks `taps` (counted from 0) give is decoded, finest first, from maps `necks` wide to maps
    `features` wide.
    """

    side_px: int = 384
    patch_px: int = 16
    width: int = 1024
    blocks: int = 24
    heads: int = 16
    taps: tuple[int, int, int, int] = (5, 11, 17, 23)
    necks: tuple[int, int, int, int] = (256, 512, 1024, 1024)
    features: int = 256


DPT_LARGE: Final = DptSize()
"""A ViT-L/16 at 384x384, 343 million parameters: the depth network of the original study."""


class Dpt(nn.Module):
    """Relative inverse depth (N, 1, S, S), at least 0, of pictures (N, 3, S, S), float32, S = `size.side_px`.

    Pictures are RGB, (pixel / 255 - 0.5) / 0.5.
    """

    def __init__(self, size: DptSize = DPT_LARGE) -> None:
        super().__init__()
        self.size = size
        self.pretrained = _Encoder(size)
        self.scratch = _Decoder(size)

    def forward(self, image: Tensor) -> Tensor:
        """Return inverse depth."""
        depth: Tensor = self.scratch(self.pretrained(image))
        return depth


class _Encoder(nn.Module):
    """Feature maps at 1/4, 1/8, 1/16 and 1/32 of a picture's side: what four blocks saw, made into maps."""

    def __init__(self, size: DptSize) -> None:
        super().__init__()
        self.model = _VisionTransformer(size)
        cells = size.side_px // size.patch_px
        first, second, third, fourth = size.necks
        self.act_postprocess1, self.act_postprocess2, self.act_postprocess3, self.act_postprocess4 = (
            nn.Sequential(
                _Readout(size.width),
                _ChannelsFirst(),
                nn.Unflatten(2, (cells, cells)),
                nn.Conv2d(size.width, neck, 1),
                resize,
            )
            for neck, resize in (
                (first, nn.ConvTranspose2d(first, first, 4, stride=4)),
                (second, nn.ConvTranspose2d(second, second, 2, stride=2)),
                (third, nn.Identity()),
                (fourth, nn.Conv2d(fourth, fourth, 3, stride=2, padding=1)),
            )
        )

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        maps = (self.act_postprocess1, self.act_postprocess2, self.act_postprocess3, self.act_postprocess4)
        return tuple(map_(tokens) for map_, tokens in zip(maps, self.model(image), strict=True))


class _VisionTransformer(nn.Module):
    """Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021: tokens (N, 1 + T, C) after each tap."""

    def __init__(self, size: DptSize) -> None:
        super().__init__()
        tokens = 1 + (size.side_px // size.patch_px) ** 2
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, size.width))
        self.patch_embed = _Patches(size)
        self.blocks = nn.ModuleList(_Block(size.width, size.heads) for _ in range(size.blocks))
        # Of the classifier; the published file has it, the decoder takes what comes before.
        self.norm = nn.LayerNorm(size.width, _NORM_EPS)
        self._taps = size.taps

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        patches = self.patch_embed(image)
        tokens = torch.cat((self.cls_token.expand(len(patches), -1, -1), patches), 1) + self.pos_embed
        seen = []
        for number, block in enumerate(self.blocks):
            tokens = block(tokens)
            if number in self._taps:
                seen.append(tokens)
        return tuple(seen)


class _Patches(nn.Module):
    def __init__(self, size: DptSize) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, size.width, size.patch_px, stride=size.patch_px)

    def forward(self, image: Tensor) -> Tensor:
        return cast("Tensor", self.proj(image)).flatten(2).transpose(1, 2)


class _Block(nn.Module):
    """Attention and a perceptron, each after a norm and beside a skip."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, _NORM_EPS)
        self.attn = _Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, _NORM_EPS)
        self.mlp = _Perceptron(width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        return cast("Tensor", tokens + self.mlp(self.norm2(tokens)))


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self._heads = heads

    def forward(self, tokens: Tensor) -> Tensor:
        count, length, width = tokens.shape
        joined = cast("Tensor", self.qkv(tokens)).view(count, length, 3, self._heads, width // self._heads)
        query, key, value = joined.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return cast("Tensor", self.proj(mixed.transpose(1, 2).flatten(2)))


class _Perceptron(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        return cast("Tensor", self.fc2(functional.gelu(self.fc1(tokens))))


class _Readout(nn.Module):
    """Tells every patch what the class token knows: (N, 1 + T, C) to (N, T, C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(2 * width, width), nn.GELU())

    def forward(self, tokens: Tensor) -> Tensor:
        patches = tokens[:, 1:]
        return cast("Tensor", self.project(torch.cat((patches, tokens[:, :1].expand_as(patches)), -1)))


class _ChannelsFirst(nn.Module):
    def forward(self, tokens: Tensor) -> Tensor:
        return tokens.transpose(1, 2)


class _Decoder(nn.Module):
    """From the encoder's four feature maps to inverse depth at full size."""

    def __init__(self, size: DptSize) -> None:
        super().__init__()
        features = size.features
        self.layer1_rn, self.layer2_rn, self.layer3_rn, self.layer4_rn = (
            nn.Conv2d(neck, features, 3, padding=1, bias=False) for neck in size.necks
        )
        self.refinenet1, self.refinenet2, self.refinenet3, self.refinenet4 = (
            _Fusion(features) for _ in range(4)
        )
        self.output_conv = nn.Sequential(
            nn.Conv2d(features, features // 2, 3, padding=1),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
            nn.Conv2d(features // 2, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 1, 1),
            nn.ReLU(),
        )

    @property
    def last(self) -> nn.Conv2d:
        """The convolution whose outputs are the inverse depths, before those below 0 are cut off."""
        return cast("nn.Conv2d", self.output_conv[4])

    def forward(self, features: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        first, second, third, fourth = features
        path = self.refinenet4(self.layer4_rn(fourth))
        path = self.refinenet3(path, self.layer3_rn(third))
        path = self.refinenet2(path, self.layer2_rn(second))
        path = self.refinenet1(path, self.layer1_rn(first))
        return cast("Tensor", self.output_conv(path))


class _Fusion(nn.Module):
    """Joins the path from below with a level's features, refines and doubles it."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.out_conv = nn.Conv2d(features, features, 1)
        # The coarsest level has no path from below and does not use its first unit; the checkpoint has it.
        self.resConfUnit1 = _ResidualUnit(features)
        self.resConfUnit2 = _ResidualUnit(features)

    def forward(self, path: Tensor, features: Tensor | None = None) -> Tensor:
        if features is not None:
            path = path + self.resConfUnit1(features)
        doubled = functional.interpolate(
            self.resConfUnit2(path), scale_factor=2, mode="bilinear", align_corners=True
        )
        return cast("Tensor", self.out_conv(doubled))


class _ResidualUnit(nn.Module):
    """Two convolutions beside a skip, activation first (He et al., ECCV 2016)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        deep: Tensor = self.conv2(functional.relu(self.conv1(functional.relu(features))))
        return deep + features
