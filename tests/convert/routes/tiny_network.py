"""A network of a few thousand weights with all that the real ones are made of, and three outputs."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from convert.networks.network import Network
from convert.networks.spec import QUANTITY_CLASSES, NetworkSpec, Output

SPEC = NetworkSpec(
    "tiny",
    64,
    96,
    (
        Output("segmentation", "segmentation", ("clean", "rice", "liquid")),
        Output("inverse_depth", "inverse_depth"),
        Output("quantity", "quantity", QUANTITY_CLASSES),
    ),
)
"""In no alphabetical order, and not square, so that nothing is right by chance."""


class TinyNetwork(Network):
    """Convolutions, one per channel, a zero-padded max pool, a sum, and bilinear upsampling."""

    def __init__(self) -> None:
        super().__init__(SPEC)
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU6())
        self.deep = nn.Sequential(
            nn.Conv2d(16, 16, 3, 1, 1, groups=16), nn.BatchNorm2d(16), nn.ReLU6(), nn.Conv2d(16, 16, 1)
        )
        self.scores = nn.Conv2d(16, 3, 3, 1, 1)
        self.depth = nn.Conv2d(16, 1, 3, 1, 1)
        self.quantity = nn.Linear(16, len(QUANTITY_CLASSES))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return segmentation, inverse depth and quantity."""
        features = functional.max_pool2d(functional.pad(self.stem(image), (1, 1, 1, 1), value=0.0), 3, 2)
        features = features + self.deep(features)
        wide = _doubled(features)
        return (
            _doubled(self.scores(wide)),
            _doubled(functional.relu(self.depth(wide))),
            self.quantity(functional.adaptive_avg_pool2d(features, 1).flatten(1)),
        )


def _doubled(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)


def tiny_network() -> TinyNetwork:
    """Return it with weights that are always the same."""
    torch.manual_seed(0)
    return TinyNetwork().eval()
