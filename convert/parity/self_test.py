"""Makes `parity.npz`: the known picture, and what each CPU file of a models folder answers to it here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from ai_edge_litert import interpreter as litert

from appliance.inference.agreement import Agreement, agreement_of
from appliance.inference.board import Size, size_of
from appliance.inference.encode import Encoder
from appliance.inference.engine import open_model
from appliance.inference.interpret import real_values
from appliance.inference.manifest import FILE_NAME, ModelEntry, ModelFile, load_manifest
from appliance.inference.parity import answer_name, enlarged, kept, picture_name
from convert.errors import ConvertError, GateError
from convert.parity.archive import Arrays
from convert.simulated_trays import simulated_trays

_SEED: Final = 0


def record_of(folder: Path) -> tuple[Arrays, Mapping[str, tuple[Agreement, ...]]]:
    """Run every CPU file of a models folder on the known picture of its size; nothing is written.

    Returns the arrays of the record, and by the files' names how far the answers of other kernels of the
    runtime are from them: what other rounding alone may do. Raises `GateError` where that is more than the
    device is let, so that a sound one would be refused; `ModelError` and `InferenceError` where a file is
    not as the manifest says, `ConvertError` where there is none.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    others: dict[str, tuple[Agreement, ...]] = {}
    for entry in load_manifest(folder / FILE_NAME).models:
        for file in entry.files:
            if file.device == "cpu":
                picture = kept(known_picture(size_of(file)))
                arrays[picture_name(size_of(file))] = picture
                answers = _answers(folder, entry, file, enlarged(picture, size_of(file)))
                arrays |= answers
                others[file.file] = _by_other_kernels(folder, file, picture, answers)
    if not others:
        raise ConvertError(f"{folder}: no model has a file for the CPU; run convert midas and convert resnet")
    faults = [f"{name}: {one.fault}" for name, found in others.items() for one in found if one.fault]
    if faults:
        raise GateError(f"{folder}: other kernels of the runtime alone answer otherwise: {'; '.join(faults)}")
    return arrays, others


def known_picture(size: Size) -> npt.NDArray[np.uint8]:
    """Return the picture (H, W, 3) BGR: a simulated tray, half seen through a ramp of all shades.

    The tray has what the networks know, the ramp has every value of each colour; together all seven classes
    are among the answers.
    """
    height, width = size
    (tray,) = simulated_trays(width, height, 1, _SEED)
    rows, columns = np.mgrid[0:height, 0:width]
    down, across = rows * 255 // max(height - 1, 1), columns * 255 // max(width - 1, 1)
    ramp = np.stack([down, across, (down + across) // 2], axis=-1)
    return np.asarray(ramp // 2 + tray // 2, np.uint8)


def _answers(folder: Path, entry: ModelEntry, file: ModelFile, picture: npt.NDArray[np.uint8]) -> Arrays:
    """Run the file as the device does."""
    engine = open_model(folder / file.file, "cpu", entry=entry)
    outputs = engine.run(Encoder(file.input).encode(picture))
    return {
        answer_name(file, signature.meaning): kept(output[0])
        for signature, output in zip(file.outputs, outputs, strict=True)
    }


def _by_other_kernels(
    folder: Path, file: ModelFile, picture: npt.NDArray[np.uint8], answers: Arrays
) -> tuple[Agreement, ...]:
    """Compare with the answers of the runtime's kernels that round unlike those of the device."""
    interpreter = litert.Interpreter(
        str(folder / file.file),
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    encoded = Encoder(file.input).encode(enlarged(picture, size_of(file)))
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], encoded)
    interpreter.invoke()
    indices = {details["name"]: details["index"] for details in interpreter.get_output_details()}
    return tuple(
        agreement_of(
            signature.meaning,
            real_values(kept(interpreter.get_tensor(indices[signature.name])[0]), signature),
            real_values(answers[answer_name(file, signature.meaning)], signature),
        )
        for signature in file.outputs
    )
