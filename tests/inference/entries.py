"""Entries of a manifest, small but whole."""

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.inference.manifest import (
    InputSignature,
    Manifest,
    ModelEntry,
    ModelFile,
    Origin,
    OutputSignature,
)
from appliance.inference.parity import FILE_NAME as PARITY_FILE
from appliance.inference.parity import answer_name, kept, picture_name
from appliance.inference.selection import CLASSES
from convert.parity.archive import record_bytes


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def input_signature(**fields: object) -> InputSignature:
    given: dict[str, Any] = {
        "name": "image",
        "shape": (1, 8, 8, 3),
        "dtype": "uint8",
        "scale": 0.02,
        "zero_point": 128,
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
    }
    return InputSignature(**{**given, **fields})


def output_signature(**fields: object) -> OutputSignature:
    given: dict[str, Any] = {
        "name": "depth",
        "shape": (1, 8, 8, 1),
        "dtype": "int8",
        "scale": 0.5,
        "zero_point": -128,
        "meaning": "inverse_depth",
    }
    return OutputSignature(**{**given, **fields})


def model_file(content: bytes = b"one", **fields: object) -> ModelFile:
    given: dict[str, Any] = {
        "file": "depth.tflite",
        "sha256": sha256(content),
        "size_bytes": len(content),
        "device": "cpu",
        "input": input_signature(),
        "outputs": (output_signature(),),
    }
    return ModelFile(**{**given, **fields})


def entry(content: bytes = b"one", *, trained: bool = True, **fields: object) -> ModelEntry:
    """An entry with one file, depth.tflite, of this content."""
    given: dict[str, Any] = {
        "name": "depth_small",
        "network": "midas-lite0",
        "origin": Origin(weights="drawn at random, seed 0", trained=trained, licence="MIT"),
        "files": (model_file(content),),
        "parity": {"int8_rank_correlation": 0.98},
        "tools": {"tensorflow": "2.19.0"},
    }
    return ModelEntry(**{**given, **fields})


def models_folder(folder: Path, one: ModelEntry, content: bytes = b"one") -> Path:
    """A folder with the entry's manifest and its first file."""
    folder.mkdir()
    (folder / one.files[0].file).write_bytes(content)
    write_manifest(folder, one)
    return folder


def networks_folder(folder: Path, *, trained: bool = True, devices: Sequence[str] = ("cpu",)) -> Path:
    """A folder with two networks whose files hold their names and are no models, and with a parity record."""
    folder.mkdir()
    models = []
    for one in two_networks():
        files = tuple(file for file in one.files if file.device in devices)
        for file in files:
            (folder / file.file).write_bytes(f"{one.name} {file.device}".encode())
        origin = one.origin.model_copy(update={"trained": trained})
        models.append(one.model_copy(update={"files": files, "origin": origin}))
    write_manifest(folder, *models)
    (folder / PARITY_FILE).write_bytes(record_bytes(parity_arrays()))
    return folder


def parity_arrays() -> dict[str, npt.NDArray[Any]]:
    """Arrays of a parity record of the two networks, with numbers that mean nothing."""
    files = [one.files[0] for one in two_networks()]
    arrays: dict[str, npt.NDArray[Any]] = {
        picture_name((8, 8)): np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    }
    for file in files:
        for output in file.outputs:
            numbers = np.arange(math.prod(output.shape)).astype(output.dtype)
            arrays[answer_name(file, output.meaning)] = kept(numbers.reshape(output.shape)[0])
    return arrays


def write_manifest(folder: Path, *models: ModelEntry) -> None:
    text = Manifest(models=models).model_dump_json(by_alias=True)
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def two_networks() -> tuple[ModelEntry, ModelEntry]:
    """A depth network that gives float32 and a segmentation network, for the CPU, then for the Edge TPU."""
    outputs = {
        "depth": (output_signature(dtype="float32", scale=None, zero_point=None),),
        "seg": (
            output_signature(name="classes", shape=(1, 8, 8, 7), meaning="segmentation", classes=CLASSES),
            output_signature(name="quantity", shape=(1, 2), meaning="quantity", classes=("little", "much")),
        ),
    }
    depth, segmentation = (
        entry(
            name=name,
            files=tuple(
                model_file(
                    f"{name} {device}".encode(), file=f"{name}.{device}.tflite", device=device, outputs=given
                )
                for device in ("cpu", "edgetpu")
            ),
        )
        for name, given in outputs.items()
    )
    return depth, segmentation
