"""`models/parity.npz`, `janban.parity/1`: what the networks answered on the workstation to a known picture.

`convert self-test` writes it. The networks' process runs the picture at every start, and compares: what
computes something else never gets ready. The archive holds arrays as numpy writes them: a picture for each
input size, and the answers of each CPU file by its SHA-256; a compiled file is compared with the CPU file of
the same model. All are of every second row and column.
"""

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from appliance.errors import ModelError
from appliance.files import read_whole
from appliance.inference.agreement import Agreement, agreement_of
from appliance.inference.board import Size, size_of
from appliance.inference.interpret import real_values
from appliance.inference.manifest import Meaning, ModelFile
from appliance.inference.selection import Network, Selection

SCHEMA_ID: Final = "janban.parity/1"
"""The comment of the archive."""

FILE_NAME: Final = "parity.npz"

LARGEST_FILE_BYTES: Final = 2_000_000

STEP_PX: Final = 2
"""Of rows and columns that are kept: a quarter of a picture tells as much as all of it."""


_DAMAGE: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, KeyError, NotImplementedError, OverflowError, RuntimeError, ValueError),
)
"""What numpy's and Python's readers raise for damaged archives."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class ParityRecord:
    """What the networks have to answer.

    `pictures` (H, W, 3) BGR uint8 by size; `answers` by network, raw as its CPU file in `files` gives them,
    without the batch, of every second row and column.
    """

    pictures: Mapping[Size, npt.NDArray[np.uint8]]
    files: Mapping[Network, ModelFile]
    answers: Mapping[Network, Sequence[Array]]

    def compare(self, network: Network, file: ModelFile, outputs: Sequence[Array]) -> tuple[Agreement, ...]:
        """Compare the raw outputs of one of a network's files for the known picture, in the file's order."""
        expected = zip(self.files[network].outputs, self.answers[network], strict=True)
        return tuple(
            agreement_of(
                signature.meaning,
                real_values(kept(output[0]), signature),
                real_values(answer, as_recorded),
            )
            for signature, output, (as_recorded, answer) in zip(file.outputs, outputs, expected, strict=True)
        )


def parity_of(folder: Path, selection: Selection) -> ParityRecord:
    """Return the record in `folder` for the networks of a selection.

    Raises `ModelError`, one line, where there is none, it is damaged, or is of other networks.
    """
    return load_parity(folder / FILE_NAME, selection)


def load_parity(path: Path, selection: Selection) -> ParityRecord:
    """Read and check a record; raises `ModelError` as `parity_of` does."""
    files = selection.files("cpu")
    if len(files) < len(selection.entries):
        raise ModelError(f"{path}: tells nothing of networks without files for the CPU; add these")
    try:
        with zipfile.ZipFile(io.BytesIO(read_whole(path, LARGEST_FILE_BYTES))) as archive:
            if archive.comment != SCHEMA_ID.encode():
                raise ValueError(f"is no {SCHEMA_ID}")
            _refuse_strangers(path, archive, files)
            return ParityRecord(
                {size: _picture(archive, size) for size in map(size_of, files.values())},
                files,
                {network: _answers(archive, file) for network, file in files.items()},
            )
    except FileNotFoundError:
        raise ModelError(f"{path}: missing; make it with convert self-test") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error}); check its mode") from None
    except _DAMAGE as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"{path}: damaged ({why}); make it anew with convert self-test") from None


def kept(values: Array) -> Array:
    """Return what is kept of a picture or map (H, W, C): every second row and column; all of a vector."""
    return values[::STEP_PX, ::STEP_PX] if values.ndim > 1 else values


def enlarged(picture: npt.NDArray[np.uint8], size: Size) -> npt.NDArray[np.uint8]:
    """Return the picture (H, W, 3) of that `size` that `kept` made smaller: every pixel stands for four."""
    height, width = size
    return picture.repeat(STEP_PX, axis=0).repeat(STEP_PX, axis=1)[:height, :width]


def picture_name(size: Size) -> str:
    """Return the name of the array with the picture of a size."""
    return f"picture-{size[0]}x{size[1]}"


def answer_name(file: ModelFile, meaning: Meaning) -> str:
    """Return the name of the array with what a CPU file answers."""
    return f"{file.sha256}-{meaning}"


def _refuse_strangers(path: Path, archive: zipfile.ZipFile, files: Mapping[Network, ModelFile]) -> None:
    there = {name.partition("-")[0] for name in archive.namelist()}
    strangers = [file.file for file in files.values() if file.sha256 not in there]
    if strangers:
        raise ModelError(f"{path}: knows no {' or '.join(strangers)}; make it anew with convert self-test")


def _picture(archive: zipfile.ZipFile, size: Size) -> npt.NDArray[np.uint8]:
    height, width = size
    shape = (-(-height // STEP_PX), -(-width // STEP_PX), 3)
    return enlarged(_array(archive, picture_name(size), shape, np.dtype(np.uint8)), size)


def _answers(archive: zipfile.ZipFile, file: ModelFile) -> tuple[Array, ...]:
    return tuple(
        _array(
            archive,
            answer_name(file, output.meaning),
            kept(np.broadcast_to(np.int8(0), output.shape[1:])).shape,
            np.dtype(output.dtype),
        )
        for output in file.outputs
    )


def _array(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an array that has to have this shape and type: no more is unpacked, whatever the file says."""
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is packed in a way that is not known")
    header = _header(shape, dtype)
    size_bytes = len(header) + math.prod(shape) * dtype.itemsize
    with archive.open(member) as opened:
        content = opened.read(size_bytes + 1)
    # Compared and not parsed: numpy's own reader has Python's parser look at the header.
    if not content.startswith(header):
        raise ValueError(f"{name} is not {dtype.name} {list(shape)}")
    if len(content) != size_bytes:
        raise ValueError(
            f"{name} is {'longer' if len(content) > size_bytes else 'shorter'} than its header says"
        )
    array = np.frombuffer(content, dtype, offset=len(header)).reshape(shape)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has values that are no finite numbers")
    return array


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Return how a file of numpy's begins that holds such an array."""
    header = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()
