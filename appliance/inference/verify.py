"""Whether a model's file is the one that the manifest describes; what differs is not run."""

import hashlib
import math
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from appliance.errors import ModelError
from appliance.inference.manifest import ModelFile, TensorSignature

Details = Mapping[str, Any]
"""What an interpreter says of one tensor (`get_input_details`, `get_output_details`): looked at are `name`,
`shape`, `dtype`, and `quantization_parameters` with its `scales` and `zero_points`."""

_AGAIN: Final = "copy the models folder again"

_SCALE_TOLERANCE: Final = 1e-6
"""Relative; scales are float32 in a file, and decimal in the manifest."""


def verify_file(folder: Path, file: ModelFile) -> Path:
    """Return the path of `file` in `folder` if its size and SHA-256 are those of the manifest.

    Only a plain file in the folder itself counts: a symbolic link is refused, wherever it leads, so that what
    was copied with the folder is all there is to it. The file is read in pieces. Raises `ModelError`.
    """
    path = folder / file.file
    try:
        with open(path, "rb", opener=_without_surprises) as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ModelError(f"{path}: is no plain file; {_AGAIN}")
            if status.st_size != file.size_bytes:
                there, wanted = status.st_size, file.size_bytes
                raise ModelError(f"{path}: has {there} bytes, the manifest says {wanted}; {_AGAIN}")
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError:
        raise ModelError(f"{path}: missing, though the manifest names it; {_AGAIN}") from None
    except OSError as error:
        what = "is a symbolic link" if path.is_symlink() else f"cannot be read ({error.strerror})"
        raise ModelError(f"{path}: {what}; {_AGAIN}") from None
    if digest != file.sha256:
        raise ModelError(
            f"{path}: SHA-256 is {digest[:12]}…, the manifest says {file.sha256[:12]}…; {_AGAIN}"
        )
    return path


def verify_signature(file: ModelFile, inputs: Sequence[Details], outputs: Sequence[Details]) -> None:
    """Compare an interpreter's inputs and outputs with what the manifest says of `file`.

    Outputs may come in any order; they are told apart by their names. Raises `ModelError`, one line with
    everything that differs.
    """
    differences = [
        *_differences("input", [file.input], inputs),
        *_differences("output", file.outputs, outputs),
    ]
    if differences:
        raise ModelError(f"{file.file}: is not what the manifest says: {'; '.join(differences)}")


def _differences(kind: str, expected: Sequence[TensorSignature], found: Sequence[Details]) -> Iterator[str]:
    by_name = {str(details["name"]): details for details in found}
    wanted = {signature.name for signature in expected}
    for signature in expected:
        if signature.name in by_name:
            for what, manifest, there in _compared(signature, by_name[signature.name]):
                yield f"{kind} {signature.name} has {what} {there}, not {manifest}"
        else:
            yield f"no {kind} {signature.name}"
    for name in sorted(by_name.keys() - wanted):
        yield f"unknown {kind} {name}"


def _compared(signature: TensorSignature, details: Details) -> Iterator[tuple[str, object, object]]:
    """Yield what differs: its name, what the manifest says, what the file says."""
    shape = [int(size) for size in details["shape"]]
    if shape != list(signature.shape):
        yield "shape", list(signature.shape), shape
    dtype = np.dtype(details["dtype"]).name
    if dtype != signature.dtype:
        yield "type", signature.dtype, dtype
        return
    scales = [float(scale) for scale in details["quantization_parameters"]["scales"]]
    zero_points = [int(point) for point in details["quantization_parameters"]["zero_points"]]
    expected_scales = [] if signature.scale is None else [signature.scale]
    if len(scales) != len(expected_scales) or not all(
        math.isclose(scale, expected, rel_tol=_SCALE_TOLERANCE)
        for scale, expected in zip(scales, expected_scales, strict=True)
    ):
        yield "scale", _only(expected_scales), _only(scales)
    expected_points = [] if signature.zero_point is None else [signature.zero_point]
    if zero_points != expected_points:
        yield "zero point", _only(expected_points), _only(zero_points)


def _only(values: Sequence[float]) -> object:
    """Return the one value, or all of them as they are: an input or output has one or none."""
    return f"{values[0]:.7g}" if len(values) == 1 else (list(values) or "none")


def _without_surprises(path: str, flags: int) -> int:
    """Open without following a link, and without waiting for the writer of a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
