"""Fuzzing that is led by what code an input reaches, with Atheris, where that is installed.

python -m tests.fuzz.guided TARGET [options of libFuzzer, as -max_total_time=120]

An input that breaks the promise ends it; libFuzzer leaves the input in the folder that it was started in.
"""

import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["appliance", "tomllib", "PIL", "csv"]):
    from appliance.config import parse
    from appliance.errors import CalibrationError, ConfigError, LabelsError, ModelError, PictureError
    from appliance.estimate.learned_fusion import load_fusion
    from appliance.inference.manifest import parse_manifest
    from appliance.picture import load_picture
    from appliance.readings.reading import Reading
    from appliance.tray.layout_file import read_layout
    from appliance.tune.labels import parse_labels

from tests.fuzz import samples
from tests.fuzz.promise import result_or_refusal


def text_of(content: bytes) -> str:
    return content.decode(errors="replace")


def in_file(content: bytes, read: Callable[[Path], object]) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        read(Path(file.name))


def picture(content: bytes) -> None:
    in_file(content, lambda file: result_or_refusal(lambda: load_picture(file), PictureError, str(file)))


def fusion(content: bytes) -> None:
    in_file(content, lambda file: result_or_refusal(lambda: load_fusion(file), ModelError, str(file)))


def reading(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        Reading.from_json(content)


def labels(content: bytes) -> None:
    def read() -> object:
        return parse_labels(text_of(content), "labels.csv", Path("/pictures"), [1, 2])

    result_or_refusal(read, LabelsError, "labels.csv")


TARGETS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "config": (
        lambda content: result_or_refusal(lambda: parse(text_of(content)), ConfigError, "configuration"),
        [samples.CONFIGURATION],
    ),
    "layout": (
        lambda content: result_or_refusal(
            lambda: read_layout(text_of(content)), CalibrationError, "layout.toml"
        ),
        [samples.LAYOUT_FILE.encode()],
    ),
    "manifest": (
        lambda content: result_or_refusal(
            lambda: parse_manifest(text_of(content)), ModelError, "manifest.json"
        ),
        [samples.MANIFEST.encode()],
    ),
    "picture": (picture, samples.PICTURES),
    "fusion": (fusion, [samples.FUSION.encode()]),
    "reading": (reading, [samples.READING.encode()]),
    "labels": (labels, [samples.LABELS.encode()]),
}


def main() -> None:
    """Fuzz one target, beginning with its samples."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz.guided {'|'.join(TARGETS)} [options of libFuzzer]")
    target, seeds = TARGETS[sys.argv.pop(1)]
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, "-rss_limit_mb=2000", "-timeout=30", corpus], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
