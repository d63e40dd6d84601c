"""What the networks' parity record tells apart: other kernels, wrong inputs, damaged weights.

`python -m benchmarks.parity --models models` prints a line for each: how far the answers are from the record,
and whether a box would refuse the network. The tables of docs/inference.md are made of it.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from ai_edge_litert import interpreter as litert

from appliance.inference.agreement import Agreement
from appliance.inference.board import size_of
from appliance.inference.encode import Encoder, Pixels, Tensor
from appliance.inference.manifest import ModelFile
from appliance.inference.parity import ParityRecord, parity_of
from appliance.inference.selection import Network, select

_KERNELS: Final = ("AUTO", "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "BUILTIN_REF")
_BITS: Final = (1, 10, 100, 1000, 10_000, 100_000)
_BIAS_BITS: Final = (1, 10)
_ZEROED_BYTES: Final = (4096, 65536)

Span = tuple[int, int]
"""Where a file's bytes of a constant begin, and how many they are."""


@dataclass(frozen=True)
class Bench:
    """One network's file, and what it has to answer."""

    record: ParityRecord
    network: Network
    file: ModelFile
    content: bytes

    @property
    def picture(self) -> Pixels:
        """The known picture."""
        return self.record.pictures[size_of(self.file)]

    def ask(
        self, tensor: Tensor, content: bytes | None = None, kernels: str = "AUTO"
    ) -> tuple[Agreement, ...]:
        """Run the file, or a damaged one; raises ValueError or RuntimeError where that cannot be run."""
        interpreter = litert.Interpreter(
            model_content=self.content if content is None else content,
            experimental_op_resolver_type=getattr(litert.OpResolverType, kernels),
        )
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor)
        interpreter.invoke()
        indices = {details["name"]: details["index"] for details in interpreter.get_output_details()}
        outputs = [interpreter.get_tensor(indices[output.name]) for output in self.file.outputs]
        return self.record.compare(self.network, self.file, outputs)

    def constants(self, dtype: npt.DTypeLike, *, least_bytes: int = 32) -> list[Span]:
        """Return where in the file its weights (int8) or biases (int32) are."""
        interpreter = litert.Interpreter(model_content=self.content)
        interpreter.allocate_tensors()
        spans = []
        for details in interpreter.get_tensor_details():
            scales = details["quantization_parameters"]["scales"]
            if details["dtype"] != dtype or len(scales) < 2:
                continue
            data = interpreter.get_tensor(details["index"]).tobytes()
            if len(data) >= least_bytes and data in self.content:
                spans.append((self.content.index(data), len(data)))
        return spans


def wrong_inputs(file: ModelFile, picture: Pixels) -> Mapping[str, Tensor]:
    """Return what a network gets where encoding went wrong, by what went wrong."""

    def encoded(**changes: object) -> Tensor:
        return Encoder(file.input.model_copy(update=changes)).encode(picture)

    right = Encoder(file.input)
    found: dict[str, Tensor] = {
        "red and blue exchanged": right.encode(np.ascontiguousarray(picture[:, :, ::-1])),
        "mean and deviation 0.5": encoded(mean=(0.5,) * 3, std=(0.5,) * 3),
        "mean and deviation reversed": encoded(mean=file.input.mean[::-1], std=file.input.std[::-1]),
        "deviation 1.1 times": encoded(std=tuple(1.1 * value for value in file.input.std)),
        "one row too low": right.encode(np.roll(picture, 1, axis=0)),
        "upside down": right.encode(np.ascontiguousarray(picture[::-1])),
        "black": right.encode(np.zeros_like(picture)),
    }
    if file.input.zero_point is not None:
        found["zero point off by 5"] = encoded(zero_point=file.input.zero_point + 5)
    return found


def with_flips(content: bytes, spans: Sequence[Span], count: int, chance: np.random.Generator) -> bytes:
    """Return a file with that many random bits of its constants flipped."""
    places = np.concatenate([np.arange(start, start + size) for start, size in spans])
    damaged = bytearray(content)
    for place in chance.choice(places, count).tolist():
        damaged[place] ^= 1 << int(chance.integers(8))
    return bytes(damaged)


def with_zeros(content: bytes, spans: Sequence[Span], size: int, chance: np.random.Generator) -> bytes:
    """Return a file with a random block of one of its constants made zero."""
    start, length = spans[int(chance.integers(len(spans)))]
    at = start + int(chance.integers(length - size + 1))
    return content[:at] + bytes(size) + content[at + size :]


def lines(bench: Bench, times: int) -> Iterator[str]:
    """Yield what is found, line by line."""
    right = Encoder(bench.file.input).encode(bench.picture)
    for kernels in _KERNELS:
        yield f"kernels {kernels}: {_told(bench.ask(right, kernels=kernels))}"
    for what, tensor in wrong_inputs(bench.file, bench.picture).items():
        yield f"{what}: {_told(bench.ask(tensor))}"
    chance = np.random.default_rng(1)
    weights, biases = bench.constants(np.int8), bench.constants(np.int32)

    def caught(damage: Callable[[], bytes]) -> str:
        return f"caught {sum(_refused(bench, right, damage()) for _ in range(times))} of {times}"

    for count in _BITS:
        yield f"{count} bits of weights: {caught(lambda: with_flips(bench.content, weights, count, chance))}"  # noqa: B023
    for count in _BIAS_BITS:
        yield f"{count} bits of biases: {caught(lambda: with_flips(bench.content, biases, count, chance))}"  # noqa: B023
    for size in _ZEROED_BYTES:
        large = bench.constants(np.int8, least_bytes=size)
        yield f"{size} bytes zero: {caught(lambda: with_zeros(bench.content, large, size, chance))}"  # noqa: B023


def _refused(bench: Bench, tensor: Tensor, content: bytes) -> bool:
    try:
        return any(one.fault is not None for one in bench.ask(tensor, content))
    except (RuntimeError, ValueError):
        return True


def _told(found: Sequence[Agreement]) -> str:
    refused = any(one.fault is not None for one in found)
    return ", ".join(map(str, found)) + (" (refused)" if refused else "")


def main() -> int:
    """Print the lines of both networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"), metavar="DIR")
    parser.add_argument("--times", type=int, default=50, help="damage each way so often [50]")
    options: Any = parser.parse_args()
    selection = select(options.models)
    record = parity_of(options.models, selection)
    for network, file in selection.files("cpu").items():
        content = (options.models / file.file).read_bytes()
        for line in lines(Bench(record, network, file, content), options.times):
            print(f"{network}: {line}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
