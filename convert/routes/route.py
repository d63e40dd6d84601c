"""The ways from ONNX to a SavedModel, by name."""

from dataclasses import dataclass
from typing import Final

from convert.errors import ToolError


@dataclass(frozen=True)
class Route:
    """A converter: the environment it runs in, and the script of `convert/routes/scripts` that runs it.

    `packages`: those of the environment whose versions say what made a file.
    """

    name: str
    environment: str
    script: str
    packages: tuple[str, ...]


DEFAULT_ROUTE: Final = "onnx2tf"

ROUTES: Final = {
    route.name: route
    for route in (
        Route(
            DEFAULT_ROUTE,
            environment="onnx2tf",
            script="onnx2tf_saved_model.py",
            packages=("onnx2tf", "onnx", "onnxsim", "tensorflow-cpu"),
        ),
        Route(
            "onnx-tf",
            environment="onnx-tf",
            script="onnx_tf_saved_model.py",
            packages=("onnx-tf", "onnx", "tensorflow-cpu"),
        ),
    )
}
"""`onnx2tf` turns the whole network to channels last; `onnx-tf` keeps channels first inside, with
transpositions around convolutions: as accurate, and slower."""


def route_of(name: str) -> Route:
    """Return a route by name; raises `ToolError` where there is none of it."""
    try:
        return ROUTES[name]
    except KeyError:
        raise ToolError(f"there is no route {name}; there are {', '.join(ROUTES)}") from None
