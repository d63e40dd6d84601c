"""A SavedModel as a stage of the chain, evaluated by the converter's own TensorFlow."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from convert.errors import ModelFileError, ToolError
from convert.networks.spec import NetworkSpec
from convert.networks.stage import Array, Stage
from convert.routes.route import DEFAULT_ROUTE, route_of
from convert.routes.script import run_script

_DEADLINE_S: Final = 1800.0


def saved_model_stage(path: Path, spec: NetworkSpec, *, route: str = DEFAULT_ROUTE) -> Stage:
    """Return the SavedModel as a `Stage`; `route` is the one that wrote it, whose TensorFlow runs it.

    Every `run` is one process. Raises `ModelFileError` where `path` is no SavedModel; `run` raises
    `ToolError` where it cannot be run.
    """
    if not (path / "saved_model.pb").is_file():
        raise ModelFileError(f"{path}: no SavedModel; give the folder that has saved_model.pb")
    return _SavedModel(path.absolute(), spec, route_of(route).environment)


@dataclass(frozen=True)
class _SavedModel:
    path: Path
    spec: NetworkSpec
    environment: str
    name: str = "savedmodel"

    def run(self, images: Array) -> tuple[Array, ...]:
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            np.save(scratch / "pictures.npy", images)
            names = [output.name for output in self.spec.outputs]
            run_script(
                self.environment,
                "run_saved_model.py",
                (
                    "--saved-model", self.path, "--pictures", scratch / "pictures.npy", "--out", scratch,
                    "--input", self.spec.input_name, "--outputs", *names,
                ),
                scratch,
                what=f"TensorFlow on {self.path}",
                deadline_s=_DEADLINE_S,
            )  # fmt: skip
            try:
                return tuple(np.load(scratch / f"{name}.npy") for name in names)
            except OSError as error:
                raise ToolError(f"{self.path}: its outputs cannot be read ({error.strerror})") from None
