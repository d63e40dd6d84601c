"""A training in progress: network, running mean of its weights, optimiser; kept in a file."""

import copy
import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from convert.atomic import write_whole
from convert.errors import CheckpointError, ConvertError
from convert.networks.build import build
from convert.networks.checkpoint import load_state
from convert.networks.imagenet import load_imagenet
from convert.networks.midas import Midas
from convert.networks.network import Network
from convert.networks.state import read_checkpoint
from convert.train.precision import keep_depthwise_exact
from convert.train.settings import Settings, check_same
from convert.train.task import start_depth

_DAMAGED: Final = (
    *(OSError, EOFError, RuntimeError, ValueError, LookupError, AttributeError, TypeError),
    *(pickle.UnpicklingError, zipfile.BadZipFile),
)
"""What `torch.load` raises on files that are cut off or are something else."""

IMAGENET: Final = "ImageNet"
_ENCODER: Final = "encoder of"
_WHOLE: Final = "all of"
"""Where first weights are from; the first two are of an encoder that learns more slowly than the rest."""

_SOONEST: Final = 10
"""The running mean follows the first steps closely, and only later slowly."""


class Training:
    """Everything that a step changes."""

    def __init__(self, settings: Settings, begin_with: Path | None = None) -> None:
        """Raise `CheckpointError` where `begin_with` has no weights of this network or of its encoder."""
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.network: Network = build(settings.network, height=settings.side, width=settings.side)
        self.beginning = _begin(self.network, begin_with)
        self.averaged: Network = copy.deepcopy(self.network).eval()
        self.step = 0
        self.best = float("-inf")
        self.class_weights: Tensor | None = None
        keep_depthwise_exact(self.network)
        _channels_last(self.network)
        _channels_last(self.averaged)
        self.optimiser = torch.optim.AdamW(_groups(self.network, settings, self.beginning), lr=settings.rate)

    def average(self) -> None:
        """Let the running mean follow the network by one step."""
        decay = min(self.settings.average, (1 + self.step) / (_SOONEST + self.step))
        current = self.network.state_dict()
        with torch.no_grad():
            for name, mean in self.averaged.state_dict().items():
                if mean.is_floating_point():
                    mean.lerp_(current[name], 1 - decay)
                else:
                    mean.copy_(current[name])

    def save(self, path: Path) -> None:
        """Write the training's state, whole or not at all. Raises `ConvertError`."""
        content = io.BytesIO()
        torch.save(
            {
                "settings": self.settings.stored(),
                "beginning": self.beginning,
                "step": self.step,
                "best": self.best,
                "class_weights": self.class_weights,
                "network": self.network.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "random": torch.get_rng_state(),
            },
            content,
        )
        write_whole(path, content.getvalue())

    def restore(self, path: Path) -> None:
        """Go on from a state that `save` wrote. Raises `ConvertError`, one line, where that cannot be."""
        kept = _load(path)
        check_same(self.settings, kept.get("settings", {}), str(path))
        try:
            self.network.load_state_dict(kept["network"])
            self.averaged.load_state_dict(kept["averaged"])
            self.beginning = str(kept["beginning"])
            # The groups depend on how the training began, not on which packages are installed now.
            self.optimiser = torch.optim.AdamW(
                _groups(self.network, self.settings, self.beginning), lr=self.settings.rate
            )
            self.optimiser.load_state_dict(kept["optimiser"])
            self.step, self.best = int(kept["step"]), float(kept["best"])
            self.class_weights = kept["class_weights"]
            torch.set_rng_state(kept["random"])
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            fault = (str(error).splitlines() or [""])[0]
            raise CheckpointError(
                f"{path}: not a training of this network ({fault}); begin another"
            ) from None


def state_path(out: Path) -> Path:
    """Return where a training whose best weights go to `out` keeps its state."""
    return out.with_name(f"{out.stem}.training.pt")


def _channels_last(network: Network) -> None:
    """Lay the weights out as convolutions on CPUs like them."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _begin(network: Network, begin_with: Path | None) -> str:
    """Give an untrained network its first weights and return, in words, where they are from."""
    if isinstance(network, Midas):
        start_depth(network)
    if begin_with is not None:
        return _load_weights(network, begin_with)
    if not isinstance(network, Midas):
        return "random"
    try:
        load_imagenet(network)
    except CheckpointError as error:
        return f"random ({error})"
    return IMAGENET


def _load_weights(network: Network, path: Path) -> str:
    state, options = read_checkpoint(path)
    if not options.items() <= network.options.items():
        raise CheckpointError(f"{path}: is of another {network.spec.name}; begin with one like it")
    part = load_state(network, state, str(path))
    return f"{_WHOLE if part == 'network' else _ENCODER} {path.name}"


def _groups(network: Network, settings: Settings, beginning: str) -> list[dict[str, Any]]:
    """Return the optimiser's groups: the encoder's weights, the rest's, and those that are not to decay."""
    encoder = {id(parameter) for parameter in network.backbone.parameters()}
    slower = settings.encoder_rate if beginning.startswith((IMAGENET, _ENCODER)) else 1.0
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        share = slower if id(parameter) in encoder else 1.0
        decay = settings.decay if parameter.ndim > 1 else 0.0
        groups.setdefault((share, decay), []).append(parameter)
    return [
        {"params": parameters, "share": share, "weight_decay": decay}
        for (share, decay), parameters in groups.items()
    ]


def _load(path: Path) -> Mapping[str, Any]:
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no training to go on with; leave --resume out to begin one") from None
    except _DAMAGED as error:
        raise CheckpointError(
            f"{path}: damaged ({type(error).__name__}); delete it and begin again"
        ) from None
    if not isinstance(kept, dict):
        raise ConvertError(f"{path}: not a training; delete it and begin again")
    return kept
