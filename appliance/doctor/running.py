"""What the running service says of itself by its metrics on loopback: it holds camera and Coral."""

import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

_ADDRESS: Final = "127.0.0.1"
_ANSWER_S: Final = 5.0
_MOST_BYTES: Final = 1_000_000

_SAMPLE: Final = re.compile(r"(janban_[a-z0-9_]+)(?:\{(.*)\})? ([-+0-9.eE]+|NaN|[-+]Inf)")
_LABEL: Final = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    """One metric's value, with its labels."""

    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class Running:
    """The service's own view: why it cannot measure (None where it can), and its metrics.

    One that does not answer, as it has no metrics, is known to run and nothing else.
    """

    unable: str | None
    samples: tuple[Sample, ...] = ()
    text: str = ""
    answers: bool = True

    def speaks_for(self, site: str, device: str) -> bool:
        """Whether this is the service of that box, as far as it says which one it serves."""
        told = self.labels("info")
        return not told or (told[0].get("site"), told[0].get("device")) == (site, device)

    def value(self, name: str) -> float | None:
        """Return a metric without labels by its name without "janban_"; None where it is unknown."""
        return next((one.value for one in self.samples if one.name == f"janban_{name}"), None)

    def count(self, name: str) -> int:
        """Return a counter, 0 where it is unknown."""
        return int(self.value(f"{name}_total") or 0)

    def labels(self, name: str) -> list[dict[str, str]]:
        """Return the labels of every sample of a metric."""
        return [one.labels for one in self.samples if one.name == f"janban_{name}"]


def ask(port: int) -> Running | None:
    """Ask the service at a port of loopback; None where nobody answers there, or the port is 0."""
    if not port:
        return None
    try:
        status, said = _get(port, "/healthz")
        _, metrics = _get(port, "/metrics")
    except (OSError, http.client.HTTPException):
        return None
    return Running(None if status == HTTPStatus.OK else said.strip(), tuple(parse(metrics)), metrics)


def parse(text: str) -> Iterator[Sample]:
    """Yield the samples in Prometheus' text format; lines that are none are left out."""
    for line in text.splitlines():
        if found := _SAMPLE.fullmatch(line):
            yield Sample(found[1], dict(_LABEL.findall(found[2] or "")), float(found[3]))


def _get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(_ADDRESS, port, timeout=_ANSWER_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST_BYTES).decode(errors="replace")
    finally:
        connection.close()
