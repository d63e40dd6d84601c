"""Prometheus' text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_NAME = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class Sample:
    """One value, with what tells it from others of the same metric."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Metric:
    """A metric: its name says the unit, and `_total` that it counts. Raises `ValueError` for a bad name."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    samples: tuple[Sample, ...]

    def __post_init__(self) -> None:
        labels = {label for sample in self.samples for label in sample.labels}
        for name in (self.name, *labels):
            if _NAME.fullmatch(name) is None:
                raise ValueError(f"{name!r} is no name of a metric or label")
        if (self.kind == "counter") != self.name.endswith("_total"):
            raise ValueError(f"{self.name}: a counter's name ends in _total, and no other")

    def text(self) -> str:
        """Return it in the text format; nothing where it has no sample."""
        if not self.samples:
            return ""
        lines = [f"# HELP {self.name} {_escaped_help(self.help)}", f"# TYPE {self.name} {self.kind}"]
        lines += [f"{self.name}{_label_text(sample.labels)} {sample.value!r}" for sample in self.samples]
        return "\n".join(lines) + "\n"


def exposition(metrics: Iterable[Metric]) -> str:
    """Return all metrics in the text format."""
    return "".join(metric.text() for metric in metrics)


def _label_text(labels: Mapping[str, str]) -> str:
    pairs = [f'{name}="{_escaped_label(value)}"' for name, value in labels.items()]
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _escaped_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _escaped_label(text: str) -> str:
    return _escaped_help(text).replace('"', r"\"")
