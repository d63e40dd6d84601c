"""What is in an image: a list of its packages, and a bill of materials (CycloneDX 1.6, JSON).

`python3 image/contents.py --help` says how to call it. Needs nothing but Python 3.11.
"""

import argparse
import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://cyclonedx.org/janban")


@dataclass(frozen=True, order=True)
class Component:
    """One thing that the image has: `kind` is "deb", "pypi", "model", or "module" of the kernel."""

    kind: str
    name: str
    version: str
    architecture: str = ""
    licence: str = ""
    sha256: str = ""
    source: str = field(default="", compare=False)

    @property
    def purl(self) -> str:
        """The package URL, by which vulnerability databases know it; empty for what is ours."""
        match self.kind:
            case "deb":
                qualifiers = f"?arch={self.architecture}&distro=debian-13"
                return f"pkg:deb/debian/{_quoted(self.name)}@{_quoted(self.version)}{qualifiers}"
            case "pypi":
                name = self.name.lower().replace("_", "-").replace(".", "-")
                return f"pkg:pypi/{_quoted(name)}@{_quoted(self.version)}"
            case _:
                return ""

    def as_line(self) -> str:
        """Return the line of the package list."""
        return f"{self.kind}\t{self.name}\t{self.version}\t{self.architecture}".rstrip("\t")

    def as_cyclonedx(self) -> dict[str, Any]:
        """Return the component as CycloneDX has it."""
        component: dict[str, Any] = {
            "type": "machine-learning-model" if self.kind == "model" else "library",
            "bom-ref": self.purl or f"{self.kind}:{self.name}",
            "name": self.name,
            "version": self.version,
        }
        if self.licence:
            component["licenses"] = [{"license": {"name": self.licence}}]
        if self.sha256:
            component["hashes"] = [{"alg": "SHA-256", "content": self.sha256}]
        if self.purl:
            component["purl"] = self.purl
        if self.source:
            component["properties"] = [{"name": "debian:source", "value": self.source}]
        return component


def debian_packages(root: Path) -> Iterator[Component]:
    """Yield the packages that dpkg knows as installed below `root`."""
    text = (root / "var/lib/dpkg/status").read_text(encoding="utf-8")
    for stanza in text.strip().split("\n\n"):
        fields = HeaderParser().parsestr(stanza)
        if fields["Status"] == "install ok installed":
            yield Component(
                "deb",
                fields["Package"],
                fields["Version"],
                fields["Architecture"],
                source=fields.get("Source", fields["Package"]),
            )


def python_packages(root: Path) -> Iterator[Component]:
    """Yield the wheels of the appliance."""
    for file in root.glob("opt/janban/lib/python3*/site-packages/*.dist-info/METADATA"):
        fields = HeaderParser().parsestr(file.read_text(encoding="utf-8"))
        # Some have the whole text of their licence in the field that was there before the short one.
        licence = fields.get("License-Expression") or (fields.get("License") or "").strip().split("\n")[0]
        yield Component("pypi", fields["Name"], fields["Version"], licence=licence)


def models(folder: Path) -> Iterator[Component]:
    """Yield the networks of `folder`: their files, by hash."""
    for file in folder.glob("*.tflite"):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        yield Component("model", file.name, digest[:12], sha256=digest)


def modules(root: Path) -> Iterator[Component]:
    """Yield the kernel's modules that are in no package: ours, by hash."""
    for file in root.glob("usr/lib/modules/*/updates/*.ko"):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        yield Component("module", file.stem, digest[:12], licence="GPL-2.0-only", sha256=digest)


def bill_of_materials(
    components: list[Component], *, name: str, version: str, time: datetime
) -> dict[str, Any]:
    """Return the bill of materials of the image `name`, the same for the same components."""
    identity = uuid.uuid5(_NAMESPACE, "\n".join([name, *(one.as_line() for one in components)]))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{identity}",
        "version": 1,
        "metadata": {
            "timestamp": f"{time:%Y-%m-%dT%H:%M:%SZ}",
            "component": {"type": "firmware", "bom-ref": name, "name": "janban", "version": version},
        },
        "components": [one.as_cyclonedx() for one in components],
    }


def main() -> None:
    """Write both lists."""
    parser = argparse.ArgumentParser(description="List what is in an image.")
    parser.add_argument("--root", type=Path, required=True, help="its root file system")
    parser.add_argument("--models", type=Path, required=True, help="folder of the networks")
    parser.add_argument("--name", required=True, help="name of the image")
    parser.add_argument("--version", required=True, help="its version")
    parser.add_argument("--time", type=int, required=True, help="seconds since 1970 that the lists bear")
    parser.add_argument("--packages", type=Path, required=True, help="package list to write")
    parser.add_argument("--sbom", type=Path, required=True, help="bill of materials to write")
    options = parser.parse_args()
    components = sorted(
        [
            *debian_packages(options.root),
            *python_packages(options.root),
            *models(options.models),
            *modules(options.root),
        ]
    )
    options.packages.write_text("".join(f"{one.as_line()}\n" for one in components), encoding="utf-8")
    bill = bill_of_materials(
        components,
        name=options.name,
        version=options.version,
        time=datetime.fromtimestamp(options.time, UTC),
    )
    options.sbom.write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")


def _quoted(text: str) -> str:
    return quote(text, safe="")


if __name__ == "__main__":
    main()
