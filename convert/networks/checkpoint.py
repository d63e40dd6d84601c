"""Weights from files, or from `torch.hub`'s downloads where a network exists."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.error import URLError

import torch
from torch import Tensor, nn

from convert.errors import CheckpointError

PUBLISHED: Final[dict[str, str]] = {
    "midas-lite3": "https://github.com/isl-org/MiDaS/releases/download/v2_1/midas_v2_1_small_256.pt",
    "dpt-large": "https://github.com/isl-org/MiDaS/releases/download/v3/dpt_large_384.pt",
    "resnet18": "https://download.pytorch.org/models/resnet18-f37072fd.pth",
    "resnet50": "https://download.pytorch.org/models/resnet50-0676ba61.pth",
}
"""Network → address of its public weights: MiDaS whole, ResNet for its encoder."""

_SHOWN_KEYS = 3
_WRAPPERS = ("state_dict", "model")
_PARALLEL_PREFIX = "module."


def load_checkpoint(network: nn.Module, source: Path | str, *, ignored: tuple[str, ...] = ()) -> None:
    """Load the weights of `source` into `network`, every key and shape being the network's.

    `source` is a file, or the name of a published network in `PUBLISHED` to be downloaded with `torch.hub`.
    Keys that begin with one of `ignored` are left out. Raises `CheckpointError`, one line, and leaves the
    network as it was.
    """
    state = read_checkpoint(source)
    fill(network, {key: value for key, value in state.items() if not key.startswith(ignored)}, source)


def read_checkpoint(source: Path | str) -> dict[str, Tensor]:
    """Return the state dict of a file or a published network, on the CPU; nothing in it is executed.

    A state dict may lie plainly in the file, or below `state_dict` or `model`, and its keys may begin with
    DataParallel's `module.`. Raises `CheckpointError`.
    """
    found = _downloaded(source) if isinstance(source, str) and source in PUBLISHED else _read(Path(source))
    if not isinstance(found, Mapping):
        raise CheckpointError(
            f"{source}: holds {type(found).__name__}, not a state dict; save network.state_dict()"
        )
    for wrapper in _WRAPPERS:
        inner = found.get(wrapper)
        if isinstance(inner, Mapping):
            found = inner
            break
    strange = [
        key for key, value in found.items() if not (isinstance(key, str) and isinstance(value, Tensor))
    ]
    if strange or not found:
        what = f"{strange[0]!r} is not a tensor" if strange else "it is empty"
        raise CheckpointError(f"{source}: not a state dict ({what}); save network.state_dict()")
    parallel = all(key.startswith(_PARALLEL_PREFIX) for key in found)
    return {key.removeprefix(_PARALLEL_PREFIX) if parallel else key: value for key, value in found.items()}


def fill(network: nn.Module, state: Mapping[str, Tensor], source: Path | str) -> None:
    """Load `state` strictly; raises `CheckpointError`, which names `source`, before anything is changed."""
    wanted = network.state_dict()
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in wanted]
    if missing or unexpected:
        faults = [
            f"{len(keys)} keys {kind} ({_some(keys)})"
            for kind, keys in (("missing", missing), ("unexpected", unexpected))
            if keys
        ]
        raise CheckpointError(
            f"{source}: {' and '.join(faults)} of {len(wanted)}; give a checkpoint of this network"
        )
    reshaped = [
        f"{key} is {tuple(state[key].shape)}, not {tuple(value.shape)}"
        for key, value in wanted.items()
        if state[key].shape != value.shape
    ]
    if reshaped:
        raise CheckpointError(
            f"{source}: {len(reshaped)} of {len(wanted)} shapes differ ({_some(reshaped)}); "
            "give a checkpoint of this network"
        )
    network.load_state_dict(dict(state))


def _read(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        known = ", ".join(PUBLISHED)
        raise CheckpointError(f"{path}: no such file; give a checkpoint, or one of {known}") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from None
    except pickle.UnpicklingError:
        raise CheckpointError(
            f"{path}: not a checkpoint, or one that runs code when it is read; save network.state_dict()"
        ) from None
    except (RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path}: damaged or not a checkpoint ({_line(error)}); fetch it again"
        ) from None


def _downloaded(name: str) -> object:
    address = PUBLISHED[name]
    try:
        return torch.hub.load_state_dict_from_url(address, map_location="cpu", weights_only=True)
    except (URLError, OSError) as error:
        raise CheckpointError(
            f"{name}: {address} cannot be fetched ({_line(error)}); fetch it elsewhere and give the file"
        ) from None
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{name}: what {address} gave is damaged ({_line(error)}); try again") from None


def _some(items: list[str]) -> str:
    return ", ".join(items[:_SHOWN_KEYS]) + (", …" if len(items) > _SHOWN_KEYS else "")


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
