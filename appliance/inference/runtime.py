"""What runs TFLite files: LiteRT, tflite-runtime, or pycoral where a site has it.

Imported by the networks' process only: a delegate takes down whatever process it is in.
"""

import ctypes
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol

from appliance.errors import NoDeviceError

LIBRARY: Final = "libedgetpu.so.1"

_RUNTIMES: Final = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")


class Runtime(Protocol):
    """Makes interpreters, with their tensors not yet allocated; all runtimes' interpreters are alike."""

    def on_cpu(self, path: Path, threads: int) -> Any:  # noqa: ANN401 - the runtimes have no types
        """Return an interpreter on the processor; raises `ValueError` for a file that is no model."""

    def on_edge_tpu(self, path: Path) -> Any:  # noqa: ANN401
        """Return an interpreter on the first Edge TPU.

        Raises `OSError` where the library is missing or cannot be loaded, `ValueError` where no Edge TPU
        answers or the file is no model.
        """


class _Lite:
    """LiteRT or tflite-runtime, with libedgetpu as its delegate."""

    def __init__(self, module: ModuleType, library: str) -> None:
        self._module = module
        self._library = library

    def on_cpu(self, path: Path, threads: int) -> Any:  # noqa: ANN401
        return self._module.Interpreter(str(path), num_threads=threads)

    def on_edge_tpu(self, path: Path) -> Any:  # noqa: ANN401
        # The runtime's own loading of an absent library leaves a broken object, which complains when freed.
        ctypes.CDLL(self._library)
        delegate = self._module.load_delegate(self._library)
        return self._module.Interpreter(str(path), experimental_delegates=[delegate])


class _Pycoral:
    """pycoral for the Edge TPU, `lite` for the processor."""

    def __init__(self, edgetpu: ModuleType, lite: Runtime) -> None:
        self._edgetpu = edgetpu
        self._lite = lite

    def on_cpu(self, path: Path, threads: int) -> Any:  # noqa: ANN401
        return self._lite.on_cpu(path, threads)

    def on_edge_tpu(self, path: Path) -> Any:  # noqa: ANN401
        if not self._edgetpu.list_edge_tpus():
            raise ValueError("pycoral lists no Edge TPU")
        return self._edgetpu.make_interpreter(str(path))


def find_runtime(library: str = LIBRARY) -> Runtime:
    """Return what this machine has; raises `NoDeviceError` where it has nothing."""
    for name in _RUNTIMES:
        if (module := _imported(name)) is not None:
            lite = _Lite(module, library)
            pycoral = _imported("pycoral.utils.edgetpu")
            # The registry has other packages of that name.
            if pycoral is None or not hasattr(pycoral, "make_interpreter"):
                return lite
            return _Pycoral(pycoral, lite)
    raise NoDeviceError("neither ai-edge-litert nor tflite-runtime is installed; pip install 'janban[edge]'")


def _imported(name: str) -> ModuleType | None:
    """Return a module; None where it is not installed, or what it links is absent."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError):
        return None
