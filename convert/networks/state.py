"""State dicts: read without running anything, loaded strictly or not at all."""

import io
import pickle
import struct
import sys
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from urllib.error import URLError

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from appliance.inference.record import TrainingRecord
from convert.atomic import write_whole
from convert.errors import CheckpointError
from convert.networks.network import Network

_SHOWN = 3
_WRAPPERS = ("state_dict", "model")
_OPTIONS = "options"
_RECORD = "training"
_PARALLEL_PREFIX = "module."
_COUNTER = "num_batches_tracked"
"""BatchNorm does not use it once it is trained, and older files do not have it."""

_DAMAGED = (
    *(RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, AssertionError),
    *(ArithmeticError, MemoryError, ImportError, zipfile.BadZipFile, struct.error),
)
"""What `torch.load` raises on files that are cut off or are something else."""


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the state dict of a file that `torch.save` wrote, on the CPU; nothing in it is executed.

    It may lie plainly in the file, or below `state_dict` or `model`, and its keys may begin with
    DataParallel's `module.`. Raises `CheckpointError`, one line.
    """
    return _unwrapped(_loaded(path), str(path))


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return what `read_state` does, and the options that `save_checkpoint` put beside it, if it did."""
    found = _loaded(path)
    state = _unwrapped(found, str(path))
    options = found.get(_OPTIONS, {}) if isinstance(found, Mapping) else {}
    if isinstance(options, Tensor):  # A state dict that has a parameter of that name.
        options = {}
    if not isinstance(options, dict) or not all(
        isinstance(word, str) for pair in options.items() for word in pair
    ):
        raise CheckpointError(f"{path}: its options are not words; save it again with save_checkpoint")
    return state, options


def read_record(path: Path) -> TrainingRecord | None:
    """Return how a checkpoint was trained, if `save_checkpoint` put that beside the weights.

    Raises `CheckpointError`, one line.
    """
    found = _loaded(path)
    text = found.get(_RECORD) if isinstance(found, Mapping) else None
    if not isinstance(text, str):
        return None
    try:
        return TrainingRecord.model_validate_json(text, strict=True)
    except ValidationError:
        raise CheckpointError(
            f"{path}: what it says of its training is of another version; convert it with that"
        ) from None


def save_checkpoint(network: Network, path: Path, record: TrainingRecord | None = None) -> None:
    """Write weights, options and how they were trained; whole or not at all.

    `open_checkpoint` gives back the same network. Raises `ConvertError` where the file cannot be written.
    """
    content = io.BytesIO()
    kept: dict[str, object] = {_OPTIONS: network.options, "state_dict": network.state_dict()}
    if record is not None:
        # As text: a checkpoint is read without running anything, and so holds plain types alone.
        kept[_RECORD] = record.model_dump_json()
    torch.save(kept, content)
    write_whole(path, content.getvalue())


def _loaded(path: Path) -> object:
    try:
        with warnings.catch_warnings(action="ignore"):
            found: object = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; give a checkpoint") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from None
    except pickle.UnpicklingError:
        raise CheckpointError(
            f"{path}: not a checkpoint, or one that runs code when it is read; "
            "save network.state_dict() with torch.save"
        ) from None
    except _DAMAGED as error:
        raise CheckpointError(
            f"{path}: damaged or not a checkpoint ({_line(error)}); fetch or save it again"
        ) from None
    return found


def download_state(address: str) -> dict[str, Tensor]:
    """Return the state dict of a public file, which `torch.hub` fetches once and keeps.

    Raises `CheckpointError`, one line.
    """
    try:
        # Its news would stand in the middle of what a command prints for other programs.
        with redirect_stdout(sys.stderr):
            found = torch.hub.load_state_dict_from_url(
                address, map_location="cpu", weights_only=True, check_hash=True
            )
    except (URLError, OSError) as error:
        raise CheckpointError(
            f"{address}: cannot be fetched ({_line(error)}); fetch it elsewhere and give the file"
        ) from None
    except (pickle.UnpicklingError, *_DAMAGED) as error:
        raise CheckpointError(f"{address}: what came is damaged ({_line(error)}); try again") from None
    return _unwrapped(found, address)


def fill(module: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Load `state` into `module`: its keys, its shapes, finite numbers, nothing missing and nothing more.

    Raises `CheckpointError`, one line that names `source`, and then has changed nothing.
    """
    wanted = module.state_dict()
    faults = {
        "missing": [key for key in wanted if key not in state and not key.endswith(_COUNTER)],
        "unexpected": [key for key in state if key not in wanted],
    }
    found = " and ".join(f"{len(keys)} keys {kind} ({_some(keys)})" for kind, keys in faults.items() if keys)
    if found:
        raise CheckpointError(f"{source}: {found} of {len(wanted)}; give a checkpoint of this network")
    shared = [key for key in wanted if key in state]
    shapes = [
        f"{key} is {tuple(state[key].shape)}, not {tuple(wanted[key].shape)}"
        for key in shared
        if state[key].shape != wanted[key].shape
    ]
    if shapes:
        raise CheckpointError(
            f"{source}: {len(shapes)} of {len(wanted)} shapes differ ({_some(shapes)}); "
            "give a checkpoint of this network"
        )
    broken = [key for key in shared if not bool(state[key].isfinite().all())]
    if broken:
        raise CheckpointError(f"{source}: not all numbers are finite in {_some(broken)}; train again")
    module.load_state_dict({**wanted, **state})


def _unwrapped(found: object, source: str) -> dict[str, Tensor]:
    if not isinstance(found, Mapping):
        kind = type(found).__name__
        raise CheckpointError(f"{source}: holds a {kind}, not a state dict; save network.state_dict()")
    inner = next((found[key] for key in _WRAPPERS if isinstance(found.get(key), Mapping)), found)
    strange = [
        key for key, value in inner.items() if not (isinstance(key, str) and isinstance(value, Tensor))
    ]
    if strange or not inner:
        what = f"{strange[0]!r} is not a tensor" if strange else "it is empty"
        raise CheckpointError(f"{source}: not a state dict ({what}); save network.state_dict()")
    parallel = all(key.startswith(_PARALLEL_PREFIX) for key in inner)
    return {key.removeprefix(_PARALLEL_PREFIX) if parallel else key: value for key, value in inner.items()}


def _some(items: Sequence[str]) -> str:
    return ", ".join(items[:_SHOWN]) + (", …" if len(items) > _SHOWN else "")


def _line(error: BaseException) -> str:
    """Return the first sentence of the first line: PyTorch goes on for a paragraph."""
    return (str(error).splitlines() or [type(error).__name__])[0].partition(". ")[0].rstrip(". ")
