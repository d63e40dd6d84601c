"""A training's settings, and how the learning rate goes."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal

from convert.errors import ConvertError

Precision = Literal["float32", "bfloat16"]

Family = Literal["midas", "resnet"]

ENCODERS: Final[Mapping[str, tuple[str, ...]]] = {
    "midas": ("lite0", "lite1", "lite2"),
    "resnet": ("resnet18", "resnet50"),
}
"""Family → encoders, the device's first."""

_WARM_UP: Final = 0.05
_LAST: Final = 0.01


@dataclass(frozen=True)
class Settings:
    """What makes a training what it is; a checkpoint goes on under the same settings only.

    `network` is a name of `convert.networks.build`; `data` what `Data.origins` says; `rate` the highest
    learning rate; `encoder_rate` its share for an encoder that begins with ImageNet weights; `decay` AdamW's;
    `average` the decay of the weights' running mean; `pairs` whether depth learns differences between two
    pictures of a set-up, too; `precision` the arithmetic of a step's forward pass.
    """

    network: str
    data: tuple[str, ...]
    steps: int
    batch: int
    seed: int
    side: int = 256
    rate: float = 1e-3
    encoder_rate: float = 0.3
    decay: float = 0.02
    average: float = 0.998
    pairs: bool = False
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        """Refuse an odd batch of pairs."""
        if self.pairs and self.batch % 2:
            raise ConvertError(f"--batch {self.batch}: pairs need an even number")

    @property
    def family(self) -> Family:
        """Return `midas` or `resnet`."""
        return "midas" if self.network.startswith("midas") else "resnet"

    def stored(self) -> dict[str, object]:
        """Return the settings as a checkpoint holds them."""
        return {**asdict(self), "data": list(self.data)}


def check_same(wanted: Settings, stored: Mapping[str, object], where: str) -> None:
    """Raise `ConvertError` where a checkpoint was made under other settings, and name them."""
    ours = wanted.stored()
    other = [
        f"{key} {stored.get(key)} there and {value} here"
        for key, value in ours.items()
        if stored.get(key) != value
    ]
    if other:
        raise ConvertError(
            f"{where}: made under other settings ({'; '.join(other)}); give the same, or another --out"
        )


def network_name(family: Family, encoder: str | None) -> str:
    """Return the network's name; raises `ConvertError` on an encoder that the family does not have."""
    known = ENCODERS[family]
    chosen = encoder or known[0]
    if chosen not in known:
        raise ConvertError(f"--encoder {chosen}: {family} has {', '.join(known)}")
    return f"midas-{chosen}" if family == "midas" else chosen


def rate_at(step: int, settings: Settings) -> float:
    """Return the learning rate of a step from 0: a linear warm-up, then half a cosine down to a hundredth."""
    warm_up = max(1, round(settings.steps * _WARM_UP))
    if step < warm_up:
        return settings.rate * (step + 1) / warm_up
    done = min(1.0, (step - warm_up) / max(1, settings.steps - warm_up))
    return settings.rate * (_LAST + (1 - _LAST) * (1 + math.cos(math.pi * done)) / 2)
