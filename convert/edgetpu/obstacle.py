"""Why one operator cannot run on the Edge TPU."""

from dataclasses import dataclass

from convert.edgetpu.status import Status
from convert.tflite.graph_types import Operator, Tensor


@dataclass(frozen=True)
class Obstacle:
    """The compiler's words for it, and ours."""

    status: Status
    reason: str


@dataclass(frozen=True)
class Case:
    """One operator with its tensors; `inputs` has None for an absent optional one."""

    operator: Operator
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @property
    def data(self) -> Tensor | None:
        """The first input that the file does not hold as a constant."""
        return next((t for t in self.inputs if t is not None and not t.is_constant), None)

    def input(self, position: int) -> Tensor | None:
        """Return an input, None where it is absent."""
        return self.inputs[position] if position < len(self.inputs) else None

    def integers(self, position: int) -> tuple[int, ...] | None:
        """Return a constant integer input as a flat tuple; None where it is absent or computed."""
        tensor = self.input(position)
        values = None if tensor is None or not tensor.dtype.startswith("int") else tensor.values()
        return None if values is None else tuple(values.ravel().tolist())

    def option(self, name: str, default: int = 0) -> int:
        """Return a numeric option of the operator."""
        value = self.operator.options.get(name, default)
        return int(value) if isinstance(value, (bool, int)) else default


def limitation(reason: str) -> Obstacle:
    """Return an obstacle that the compiler does not explain."""
    return Obstacle(Status.UNSPECIFIED, reason)


def by_axes(shape: tuple[int, ...]) -> str:
    """Return a shape for people: 1x33x33x256."""
    return "x".join(str(n) for n in shape) or "scalar"
