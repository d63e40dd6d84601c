"""A model's card: what it is, where it comes from, and how good it is, for people, in Markdown."""

from collections.abc import Iterator, Mapping

from appliance.inference.manifest import ModelEntry, ModelFile, TensorSignature
from convert.card_accuracy import accuracy, worst
from convert.card_training import training, unseen, uses

_MEANINGS = {
    "inverse_depth": "relative inverse depth, larger is nearer",
    "segmentation": "scores of the classes, per pixel",
    "quantity": "scores of the classes of leftover quantity",
}


def model_card(entry: ModelEntry) -> str:
    """Return the card as Markdown; the same entry always gives the same text."""
    return "\n".join(_lines(entry)) + "\n"


def _lines(entry: ModelEntry) -> Iterator[str]:
    origin = entry.origin
    yield f"# {entry.name}\n"
    yield f"{_text(entry.network)}; weights: {_text(origin.weights)}. Licence: {_text(origin.licence)}."
    if origin.weights_sha256:
        yield f"SHA-256 of the checkpoint: `{origin.weights_sha256}`."
    if not origin.trained:
        yield "\n**The weights are random: good for trying the chain, not for measuring anything.**"
    if entry.training is not None:
        yield from uses([output.meaning for output in entry.files[0].outputs])
    if entry.accuracy:
        yield from accuracy(entry.accuracy)
    if entry.training is not None:
        yield from ("", "## Where it fails", "")
        yield from worst(entry.accuracy)
        yield from unseen()
        yield from training(entry.training)
    yield from _interface(entry)
    for title, figures in (("Parity", entry.parity), ("Cost", entry.cost)):
        yield from _figures(title, figures)
    if any(name.endswith("_ms") for name in entry.cost):
        yield "\nTimes are predictions; `convert cost --published` shows how good such predictions are."
    if entry.tools:
        yield f"\n## Made with\n\n{', '.join(f'{tool} {_text(v)}' for tool, v in entry.tools.items())}"


def _interface(entry: ModelEntry) -> Iterator[str]:
    yield "\n## Files\n\n| file | runs on | size, MB | SHA-256 |\n|---|---|---|---|"
    for file in entry.files:
        yield f"| `{file.file}` | {file.device} | {file.size_bytes / 1e6:.2f} | `{file.sha256}` |"
    picture = entry.files[0].input
    height, width = picture.shape[1:3]
    yield f"\n## Input\n\nA picture of {height} x {width} pixels (height x width), red, green, blue, as"
    yield f"(value / 255 - mean) / std with mean {_numbers(picture.mean)} and std {_numbers(picture.std)}."
    yield "\n## Outputs\n"
    for output in entry.files[0].outputs:
        classes = f": {', '.join(output.classes)}" if output.classes else ""
        yield f"- {_MEANINGS[output.meaning]}, {_shape(output)}{classes}"
    yield "\n## Tensors\n\n| file | tensor | shape | type | scale | zero point |\n|---|---|---|---|---|---|"
    for file in entry.files:
        yield from _tensors(file)


def _tensors(file: ModelFile) -> Iterator[str]:
    for tensor in (file.input, *file.outputs):
        scale = "" if tensor.scale is None else f"{tensor.scale:.7g}"
        point = "" if tensor.zero_point is None else str(tensor.zero_point)
        name = _text(tensor.name)
        yield f"| `{file.file}` | {name} | {_shape(tensor)} | {tensor.dtype} | {scale} | {point} |"


def _figures(title: str, figures: Mapping[str, float]) -> Iterator[str]:
    if figures:
        yield f"\n## {title}\n\n| figure | value |\n|---|---|"
        for name, value in figures.items():
            number = f"{value:,.0f}" if value.is_integer() else f"{value:.6g}"
            yield f"| {_text(name)} | {number} |"


def _shape(tensor: TensorSignature) -> str:
    return " x ".join(map(str, tensor.shape))


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _text(text: str) -> str:
    """Return text that a table's cell can hold."""
    return text.replace("|", "\\|")
