"""The two networks together, as int8 files of a models folder or as checkpoints."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from appliance.estimate import learned_fusion
from appliance.estimate.fusion_rule import FusionRule
from appliance.estimate.learned_fusion import fusion_of
from appliance.inference.interpret import class_probabilities, depth_map, softmax
from appliance.inference.manifest import FILE_NAME, Meaning, ModelFile, load_manifest
from appliance.inference.verify import verify_file
from appliance.picture import Picture
from convert.errors import ConvertError
from convert.networks.spec import TRAY_CLASSES, NetworkSpec, Output
from convert.networks.stage import Stage
from convert.pictures import network_input

INT8: Final = "int8"
FLOAT: Final = "float"
"""Names of the first run of either sort."""

SIDE_PX: Final = 256
"""A checkpoint does not tell its network's input; the networks are trained at this."""

_NEEDED: Final[tuple[Meaning, ...]] = ("inverse_depth", "segmentation")


@dataclass(frozen=True, eq=False)
class Maps:
    """What the networks say of a tray: `depth` (H, W) as trained, `probabilities` (7, H, W).

    `quantity` (5,) are the probabilities of the quantity classes, None where no network gives them.
    """

    depth: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float32]
    quantity: npt.NDArray[np.float32] | None


@dataclass(frozen=True)
class NetworkFile:
    """One network of a run: what was loaded, for the report."""

    network: str
    file: str
    sha256: str
    trained: bool | None


@dataclass(frozen=True, eq=False)
class Networks:
    """Depth and segmentation; `name` tells runs apart, as `int8`."""

    name: str
    files: tuple[NetworkFile, ...]
    stages: tuple[tuple[NetworkSpec, Stage], ...]

    def run(self, view: Picture) -> Maps:
        """Return the maps of a rectified tray (H, W, 3), BGR."""
        found: dict[Meaning, npt.NDArray[np.float32]] = {}
        for spec, stage in self.stages:
            outputs = stage.run(network_input(view, spec)[None])
            found |= {output.meaning: array[0] for output, array in zip(spec.outputs, outputs, strict=True)}
        quantity = found.get("quantity")
        return Maps(
            depth_map(found["inverse_depth"]),
            class_probabilities(found["segmentation"]),
            None if quantity is None else softmax(quantity).astype(np.float32),
        )


def weights_of_folder(folder: Path) -> dict[str, str | None]:
    """Return the SHA-256 of each network's weights, by its name in the manifest; raises `ModelError`."""
    return {entry.name: entry.origin.weights_sha256 for entry in load_manifest(folder / FILE_NAME).models}


def fusion_of_folder(folder: Path) -> tuple[FusionRule, str | None]:
    """Return the rule that the appliance joins estimates by with these models, and what is wrong with it."""
    return fusion_of(folder / learned_fusion.FILE_NAME, weights_of_folder(folder))


def open_models(folder: Path, name: str = INT8, threads: int = 1) -> Networks:
    """Return the CPU models of a folder with a manifest.

    Raises `ModelError` where the manifest or a file is absent or damaged, `ConvertError` where depth or
    segmentation is not among them.
    """
    if not (folder / FILE_NAME).is_file():
        raise ConvertError(
            f"{folder}: has no {FILE_NAME}; give a folder that convert midas and resnet filled"
        )
    from convert.tflite.run import tflite_stage  # noqa: PLC0415 - brings LiteRT, which checkpoints do not need

    files: list[NetworkFile] = []
    stages: list[tuple[NetworkSpec, Stage]] = []
    for entry in load_manifest(folder / FILE_NAME).models:
        for file in entry.files:
            if file.device == "cpu":
                spec = _spec(entry.network, file)
                stages.append((spec, tflite_stage(verify_file(folder, file), spec, threads)))
                files.append(NetworkFile(entry.network, file.file, file.sha256, entry.origin.trained))
    return _checked(Networks(name, tuple(files), tuple(stages)), str(folder))


def open_checkpoints(paths: Sequence[Path], name: str = FLOAT, threads: int = 1) -> Networks:
    """Return the networks of checkpoints, run by PyTorch.

    Raises `CheckpointError` for a file that is absent, damaged or of no known network, `ConvertError` where
    depth or segmentation is not among them.
    """
    import torch  # noqa: PLC0415 - slow, and not needed for int8 models

    from convert.networks.recognise import open_checkpoint  # noqa: PLC0415
    from convert.networks.torch_stage import torch_stage  # noqa: PLC0415

    torch.set_num_threads(threads)
    networks = [open_checkpoint(path, height=SIDE_PX, width=SIDE_PX) for path in paths]
    return _checked(
        Networks(
            name,
            tuple(
                NetworkFile(network.spec.name, path.name, hashlib.sha256(path.read_bytes()).hexdigest(), None)
                for path, network in zip(paths, networks, strict=True)
            ),
            tuple((network.spec, torch_stage(network)) for network in networks),
        ),
        ", ".join(str(path) for path in paths),
    )


def _spec(network: str, file: ModelFile) -> NetworkSpec:
    return NetworkSpec(
        name=network,
        height=file.input.shape[1],
        width=file.input.shape[2],
        outputs=tuple(Output(output.name, output.meaning, output.classes) for output in file.outputs),
        mean=file.input.mean,
        std=file.input.std,
        input_name=file.input.name,
    )


def _checked(networks: Networks, where: str) -> Networks:
    outputs = [output for spec, _ in networks.stages for output in spec.outputs]
    for meaning in _NEEDED:
        count = sum(output.meaning == meaning for output in outputs)
        if count != 1:
            what = "depth" if meaning == "inverse_depth" else meaning
            raise ConvertError(
                f"{where}: {count or 'no'} networks give {what}; one MiDaS and one ResNet are needed"
            )
    for output in outputs:
        if output.meaning == "segmentation" and output.classes != TRAY_CLASSES:
            raise ConvertError(
                f"{where}: its segmentation has the classes {', '.join(output.classes)}, not"
                f" {', '.join(TRAY_CLASSES)}; train it with convert train resnet"
            )
    return networks
