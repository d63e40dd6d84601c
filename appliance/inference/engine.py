"""One model, opened where it is to run: the one construction point of interpreters."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from appliance.errors import BrokenRunError, ModelError, NoDeviceError, WrongModelError
from appliance.inference.devices import edge_tpus
from appliance.inference.encode import Tensor
from appliance.inference.manifest import FILE_NAME, Device, ModelEntry, ModelFile, load_manifest
from appliance.inference.runtime import LIBRARY, Runtime, find_runtime
from appliance.inference.verify import verify_file, verify_signature

Wanted = Literal["auto", "edgetpu", "cpu"]

_LONGEST_REASON: Final = 200


class Engine(Protocol):
    """A model that can be run; it knows tensors and not what they mean."""

    @property
    def file(self) -> ModelFile:
        """What runs, and where."""

    def run(self, tensor: Tensor) -> tuple[npt.NDArray[Any], ...]:
        """Return the outputs for an input tensor, in the order of `file.outputs`, as the model gives them.

        Raises `BrokenRunError` where the run fails; a delegate may also end the process, or never return.
        """


def open_model(
    path: Path | str,
    device: Wanted = "auto",
    *,
    entry: ModelEntry | None = None,
    threads: int = 1,
    root: Path = Path("/"),
    runtime: Runtime | None = None,
) -> Engine:
    """Open the model that has `path` among its files, on the Edge TPU or with `threads` on the processor.

    Of the model's files, the one for the device is taken: `path` itself where it is for it. "auto" means the
    Edge TPU where there is one (`root` is where to look) and a compiled file, and where it answers, else the
    processor. `entry` is the model's in the manifest; without it, that of the manifest beside `path`.

    File and tensors are compared with the manifest first. Raises `NoDeviceError` where the device or a
    runtime is absent, `WrongModelError` where the file is not what the manifest says or cannot be run.
    """
    path = Path(path)
    try:
        entry = entry or _entry_of(path)
        if device != "auto":
            return _open(path, entry, device, threads=threads, root=root, runtime=runtime)
        if _file_for(path, entry, "edgetpu") is not None and edge_tpus(root):
            try:
                return _open(path, entry, "edgetpu", threads=threads, root=root, runtime=runtime)
            except NoDeviceError:
                if _file_for(path, entry, "cpu") is None:
                    raise
        return _open(path, entry, "cpu", threads=threads, root=root, runtime=runtime)
    except ModelError as error:
        raise WrongModelError(str(error)) from None


def _open(
    path: Path, entry: ModelEntry, device: Device, *, threads: int, root: Path, runtime: Runtime | None
) -> Engine:
    file = _file_for(path, entry, device)
    if file is None:
        where = "the Edge TPU; compile the models with convert edgetpu" if device == "edgetpu" else "the CPU"
        raise ModelError(f"{path.parent}: {entry.name} has no file for {where}")
    there = verify_file(path.parent, file)
    runtime = runtime or find_runtime()
    if device == "edgetpu":
        interpreter = _on_edge_tpu(there, root, runtime)
    else:
        try:
            interpreter = runtime.on_cpu(there, threads)
        except ValueError as error:
            raise ModelError(f"{there}: cannot be read ({_line(error)}); convert it again") from None
    try:
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{there}: cannot be run on {device} ({_line(error)}); convert it again") from None
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    verify_signature(file, inputs, outputs)
    return _Model(file, interpreter, inputs, outputs)


class _Model:
    def __init__(
        self,
        file: ModelFile,
        interpreter: Any,  # noqa: ANN401 - of any runtime
        inputs: Sequence[Any],
        outputs: Sequence[Any],
    ) -> None:
        self.file = file
        self._interpreter = interpreter
        self._input = inputs[0]["index"]
        indices = {details["name"]: details["index"] for details in outputs}
        self._outputs = [indices[output.name] for output in file.outputs]

    def run(self, tensor: Tensor) -> tuple[npt.NDArray[Any], ...]:
        try:
            self._interpreter.set_tensor(self._input, tensor)
            self._interpreter.invoke()
            return tuple(np.asarray(self._interpreter.get_tensor(index)) for index in self._outputs)
        except (RuntimeError, ValueError) as error:
            raise BrokenRunError(f"{self.file.file}: stopped while it ran ({_line(error)})") from None


def _on_edge_tpu(path: Path, root: Path, runtime: Runtime) -> Any:  # noqa: ANN401
    try:
        return runtime.on_edge_tpu(path)
    except OSError as error:
        raise NoDeviceError(
            f"{LIBRARY} cannot be loaded ({_line(error)}); install a libedgetpu1-std that fits the runtime"
        ) from None
    except ValueError as error:
        raise NoDeviceError(f"{_missing(root)} ({_line(error)})") from None


def _missing(root: Path) -> str:
    """Return why no Edge TPU answers, as far as the kernel tells."""
    there = edge_tpus(root)
    if not there:
        return "no Edge TPU is plugged in; plug it into a USB 3 port, or replug it"
    if not any(one.usable for one in there):
        return f"{there[0].node} may not be opened; install systemd/udev/70-janban.rules"
    return "the Edge TPU does not answer; another process may hold it, else replug it"


def _entry_of(path: Path) -> ModelEntry:
    manifest = path.parent / FILE_NAME
    for entry in load_manifest(manifest).models:
        if path.name in {file.file for file in entry.files}:
            return entry
    raise ModelError(f"{path}: {manifest} does not name it; what it does not name is not run")


def _file_for(path: Path, entry: ModelEntry, device: Device) -> ModelFile | None:
    files = [file for file in entry.files if file.device == device]
    return next((file for file in files if file.file == path.name), files[0] if files else None)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
