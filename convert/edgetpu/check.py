"""Predicts what the Edge TPU compiler (version 16) would map of a TFLite model, operator by operator."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from convert.edgetpu.obstacle import Obstacle
from convert.edgetpu.package import CUSTOM_OPERATOR, packed_parameter_bytes
from convert.edgetpu.parameters import USABLE_BYTES, constant_bytes, parameter_bytes
from convert.edgetpu.partition import mapped_operators
from convert.edgetpu.rules import obstacle
from convert.edgetpu.status import Status
from convert.edgetpu.versions import KNOWN_CUSTOM, refusal
from convert.tflite.graph_types import Graph, Operator, Subgraph

_COMPUTED_SHAPES: Final[Mapping[str, tuple[int, ...]]] = {
    "BROADCAST_TO": (1,),
    "FILL": (0,),
    "RANGE": (0, 1, 2),
    "RESHAPE": (1,),
    "RESIZE_BILINEAR": (1,),
    "RESIZE_NEAREST_NEIGHBOR": (1,),
    "SLICE": (1, 2),
    "STRIDED_SLICE": (1, 2, 3),
    "TILE": (1,),
    "TRANSPOSE_CONV": (0,),
}
"""Operator → inputs that decide on the result's shape; computed ones make it known at run time only."""

_STATIC_ONLY: Final = (
    "ERROR: Attempting to use a delegate that only supports static-sized tensors with a graph that has"
    " dynamic-sized tensors."
)

_LARGE_ACTIVATION_BYTES: Final = 3 << 20
"""Published failures begin about there, but depend on all that is alive at the same time."""


@dataclass(frozen=True)
class Judgement:
    """One operator: what the compiler would say of it, and the reason where it stays on the CPU."""

    operator: Operator
    status: Status
    reason: str = ""


@dataclass(frozen=True)
class Check:
    """The prediction for one model.

    `judgements`: the operators of the main subgraph in file order. `failure`: the line with which the
    compiler would refuse the whole file. `parameter_bytes`: estimated bytes that it would store for the
    mapped operators (`convert.edgetpu.parameters`), or those stored in an already compiled model; where
    nothing maps, the constants of the file. `notes`: what a person should know, one sentence each.
    """

    judgements: tuple[Judgement, ...]
    parameter_bytes: int
    subgraphs: int
    is_compiled: bool = False
    failure: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def mapped(self) -> int:
        """Operators on the Edge TPU."""
        return sum(j.status == Status.MAPPED for j in self.judgements)

    @property
    def cpu(self) -> int:
        """Operators on the CPU."""
        return len(self.judgements) - self.mapped

    @property
    def fits_on_chip(self) -> bool:
        """Whether all parameters stay on the chip between inferences."""
        return self.parameter_bytes <= USABLE_BYTES

    @property
    def operators(self) -> tuple[tuple[str, int, Status], ...]:
        """Rows (operator, count, status) as the compiler prints them; custom operators are CUSTOM."""
        rows = Counter((_row_name(j.operator), j.status) for j in self.judgements)
        return tuple((name, count, status) for (name, status), count in sorted(rows.items()))

    def as_json(self) -> dict[str, object]:
        """Return what `convert check --json` prints."""
        return {
            "mapped": self.mapped,
            "cpu": self.cpu,
            "operators": [
                {"operator": name, "count": count, "status": status.value}
                for name, count, status in self.operators
            ],
            "parameter_bytes": self.parameter_bytes,
            "fits_on_chip": self.fits_on_chip,
            "subgraphs": self.subgraphs,
            "compiled": self.is_compiled,
            "failure": self.failure,
            "reasons": [
                {
                    "index": j.operator.index,
                    "operator": j.operator.name,
                    "status": j.status.value,
                    "reason": j.reason,
                }
                for j in self.judgements
                if j.status not in {Status.MAPPED, Status.MORE_SUBGRAPHS}
            ],
            "notes": list(self.notes),
        }


def check(graph: Graph) -> Check:
    """Predict what the compiler would map; the result does not depend on the order of the operators."""
    main = graph.main
    if any(o.name == CUSTOM_OPERATOR for o in main.operators):
        return _compiled(main)
    obstacles = {o.index: found for o in main.operators if (found := obstacle(main, o)) is not None}
    failure, obstacles = _refused(main, obstacles)
    able = {o.index for o in main.operators} - set(obstacles)
    mapped = mapped_operators(_feeders(main), able)
    return Check(
        judgements=_judgements(main, mapped, obstacles),
        parameter_bytes=parameter_bytes(main, sorted(mapped)) if mapped else constant_bytes(main),
        subgraphs=1 if mapped else 0,
        failure=failure,
        notes=_notes(main, obstacles),
    )


def wider_tensor(graph: Graph) -> str | None:
    """Name a value that is computed in floating point or 16 bits; None in a full-integer, 8-bit model.

    Labels and counts of 32 or 64 bits are no such value, nor is the state of a recurrent operator.
    """
    main = graph.main
    for operator in main.operators:
        for tensor in (*main.inputs_of(operator), *main.outputs_of(operator)):
            if tensor is None or tensor.is_constant or tensor.is_variable:
                continue
            if "float" in tensor.dtype or tensor.dtype == "int16":
                return f"{tensor.name or f'tensor {tensor.index}'} of {operator.name} is {tensor.dtype}"
    return None


def _feeders(subgraph: Subgraph) -> dict[int, list[int]]:
    return {o.index: [f.index for f in subgraph.feeders(o)] for o in subgraph.operators}


def _judgements(
    subgraph: Subgraph, mapped: frozenset[int], obstacles: Mapping[int, Obstacle]
) -> tuple[Judgement, ...]:
    judged = []
    for operator in subgraph.operators:
        found = obstacles.get(operator.index)
        if operator.index in mapped:
            judged.append(Judgement(operator, Status.MAPPED))
        elif found:
            judged.append(Judgement(operator, found.status, found.reason))
        else:
            reason = "stands behind an operator that stays on the CPU"
            judged.append(Judgement(operator, Status.MORE_SUBGRAPHS, reason))
    return tuple(judged)


def _refused(subgraph: Subgraph, obstacles: Mapping[int, Obstacle]) -> tuple[str | None, dict[int, Obstacle]]:
    """Return the line of a compiler that takes nothing of the file, and obstacles for all its operators."""
    for operator in subgraph.operators:
        line = refusal(operator)
        if line:
            reason = f"the compiler refuses the file for {operator.name} version {operator.version}"
            rest = Obstacle(Status.UNSPECIFIED, reason)
            own = {operator.index: Obstacle(Status.VERSION, reason)}
            return line, {o.index: rest for o in subgraph.operators} | dict(obstacles) | own
    dynamic = next((o for o in subgraph.operators if _computes_shape(subgraph, o)), None)
    if dynamic is None:
        return None, dict(obstacles)
    reason = f"the shape after {dynamic.name} is computed: the compiler refuses the file"
    rest = Obstacle(Status.UNSPECIFIED, reason)
    return _STATIC_ONLY, {o.index: rest for o in subgraph.operators} | dict(obstacles)


def _computes_shape(subgraph: Subgraph, operator: Operator) -> bool:
    inputs = subgraph.inputs_of(operator)
    positions = _COMPUTED_SHAPES.get(operator.name, ())
    tensors = [inputs[p] for p in positions if p < len(inputs)]
    return any(t is not None and not t.is_constant for t in tensors)


def _notes(subgraph: Subgraph, obstacles: Mapping[int, Obstacle]) -> tuple[str, ...]:
    notes = []
    typeless = {Status.DATA_TYPE, Status.RANK}
    if subgraph.operators and all(
        o.index in obstacles and obstacles[o.index].status in typeless for o in subgraph.operators
    ):
        notes.append("No operator works on 8-bit integers: the compiler may also say 'Model not quantized'.")
    dynamic = [subgraph.tensors[i] for i in subgraph.inputs if subgraph.tensors[i].is_dynamic]
    if dynamic:
        stored = ", ".join(f"{list(t.signature)} is taken as {list(t.shape)}" for t in dynamic)
        notes.append(f"Sizes left open are compiled as stored: {stored}.")
    custom = sorted({o.name for o in subgraph.operators if o.is_custom} - KNOWN_CUSTOM)
    if custom:
        notes.append(f"The compiler refuses files with custom operators unknown to it: {', '.join(custom)}?")
    largest = max((t.size_bytes for t in subgraph.tensors if not t.is_constant), default=0)
    if largest > _LARGE_ACTIVATION_BYTES:
        size = f"{largest / 2**20:.1f} MiB"
        notes.append(
            f"The largest activation has {size}: some operators may not map, or compilation may fail."
        )
    return tuple(notes)


def _compiled(subgraph: Subgraph) -> Check:
    judged = []
    total = 0
    count = 0
    for operator in subgraph.operators:
        if operator.name == CUSTOM_OPERATOR:
            count += 1
            total += packed_parameter_bytes(operator.custom_options) or 0
            judged.append(Judgement(operator, Status.MAPPED))
        else:
            found = obstacle(subgraph, operator)
            status = found.status if found else Status.MORE_SUBGRAPHS
            judged.append(Judgement(operator, status, found.reason if found else "the compiler left it"))
    note = "Already compiled for the Edge TPU: each edgetpu-custom-op holds all that was mapped."
    return Check(tuple(judged), total, count, is_compiled=True, notes=(note,))


def _row_name(operator: Operator) -> str:
    return "CUSTOM" if operator.is_custom and operator.name != CUSTOM_OPERATOR else operator.name


def blocking(result: Check) -> Sequence[Judgement]:
    """Return the operators that stay on the CPU for a reason of their own, in file order."""
    return [j for j in result.judgements if j.status not in {Status.MAPPED, Status.MORE_SUBGRAPHS}]
