"""What all networks of the workshop have in common."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from convert.networks.spec import NetworkSpec


class Network(nn.Module, ABC):
    """A network that knows its interface.

    `forward` takes pictures (N, 3, H, W), float32, normalised as `spec` says, and returns a tuple in the
    order of `spec.outputs`. `spec.height` and `spec.width` are those of the exported form; PyTorch itself
    takes other multiples of 32 too.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec

    @property
    def options(self) -> dict[str, str]:
        """What a state dict does not tell of the network; saved beside it."""
        return {}

    @property
    def backbone(self) -> nn.Module:
        """The part that ImageNet weights fit; the whole network where it has no such part."""
        return self

    @abstractmethod
    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs in the order of `spec.outputs`."""
