"""The configuration that provisioning writes, and how it tells its own file from one made by hand."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.config import parse
from appliance.config_keys import toml
from appliance.provision.order import Order, Password

_MODELS: Final = Path("/opt/janban/models")
_ARTIFACTS: Final = Path("/var/lib/janban-artifacts")
_FIRST_LINE: Final = re.compile(
    r"# Written by `appliance provision`, identity ([0-9a-f]{16}), sha256 of the rest: ([0-9a-f]{64})\n"
)


@dataclass(frozen=True)
class Files:
    """Where the service finds what came with the order; None for what did not."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    password: Path | None = None
    operators: Path | None = None

    def moved(self, move: Callable[[Path], Path]) -> "Files":
        """Return the same files by other paths."""
        paths = {name: None if path is None else move(path) for name, path in vars(self).items()}
        return Files(**paths)


def write(order: Order, files: Files, *, state: Path, identity: str) -> str:
    """Return the text of the configuration, checked; `identity` names the generation that it belongs to."""
    rest = "\n".join(_lines(order, files, state)) + "\n"
    digest = hashlib.sha256(rest.encode()).hexdigest()
    text = f"# Written by `appliance provision`, identity {identity}, sha256 of the rest: {digest}\n{rest}"
    parse(text, source="the configuration made of the provision file")
    return text


def generation_of(text: str) -> str | None:
    """Return which identity a configuration belongs to; None for one that a person wrote or edited."""
    first = _FIRST_LINE.match(text)
    if first is None or hashlib.sha256(text[first.end() :].encode()).hexdigest() != first[2]:
        return None
    return first[1]


def _lines(order: Order, files: Files, state: Path) -> Iterator[str]:
    yield "# Whoever edits it makes it their own: provisioning then leaves it alone unless given --replace."
    names = {"site": order.site, "name": order.device}
    yield from _section("device", {**names, "state_dir": state, "calibration_dir": state / "calibration"})
    camera = order.camera
    yield from _section("camera", {"kind": camera.kind, **camera.model_dump(exclude_defaults=True)})
    yield from _section("models", {"folder": _MODELS})
    yield from _section("artifacts", {"folder": _ARTIFACTS})
    broker: dict[str, object] = {"host": order.broker.host, "port": order.broker.port}
    if isinstance(order.identity, Password):
        broker |= {"username": order.identity.username, "password_file": files.password}
    yield from _section("mqtt", broker)
    yield from _section("mqtt.tls", {"ca": files.ca, "cert": files.certificate, "key": files.key})
    if files.operators is not None:
        yield from _section("commands", {"operators": files.operators})


def _section(name: str, values: Mapping[str, object]) -> Iterator[str]:
    yield f"\n[{name}]"
    for key, value in values.items():
        if value is not None:
            yield f"{key} = {toml(value)}"
