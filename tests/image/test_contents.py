import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from image.contents import bill_of_materials, debian_packages, models, modules, python_packages
from tests.image.parts import IMAGE

STATUS = """\
Package: nftables
Status: install ok installed
Architecture: arm64
Version: 1.1.3-1
Description: program
 of two lines

Package: libgone1
Status: deinstall ok config-files
Architecture: arm64
Version: 2

Package: libc6
Status: install ok installed
Architecture: arm64
Source: glibc
Version: 2.41-12+deb13u1
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(STATUS)
    for name, fields in (
        ("numpy-2.5.5", "Name: numpy\nVersion: 2.5.5\nLicense-Expression: BSD-3-Clause AND MIT\n"),
        ("typing_extensions-4.16.0", "Name: typing_extensions\nVersion: 4.16.0\nLicense: PSF\n and more\n"),
    ):
        folder = root / f"opt/janban/lib/python3.13/site-packages/{name}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.4\n{fields}\nText: of the package\n")
    return root


@pytest.fixture
def networks(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "midas.tflite").write_bytes(b"network")
    (folder / "manifest.json").write_text("{}")
    return folder


def test_a_module_of_ours_is_listed_with_its_licence(root: Path) -> None:
    folder = root / "usr/lib/modules/7.3.4+deb13-arm64"
    for name in ("updates/janban_tryboot.ko", "kernel/fs/fat/vfat.ko"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(b"module")
    (one,) = modules(root)
    assert (one.name, one.licence, one.purl) == ("janban_tryboot", "GPL-2.0-only", "")
    assert one.as_cyclonedx()["bom-ref"] == "module:janban_tryboot"


def test_packages_that_are_installed_are_listed_and_no_others(root: Path) -> None:
    assert [(one.name, one.version, one.source) for one in debian_packages(root)] == [
        ("nftables", "1.1.3-1", "nftables"),
        ("libc6", "2.41-12+deb13u1", "glibc"),
    ]


def test_packages_have_the_addresses_that_vulnerability_databases_know(root: Path) -> None:
    assert {one.purl for one in debian_packages(root)} == {
        "pkg:deb/debian/nftables@1.1.3-1?arch=arm64&distro=debian-13",
        "pkg:deb/debian/libc6@2.41-12%2Bdeb13u1?arch=arm64&distro=debian-13",
    }
    assert {one.purl for one in python_packages(root)} == {
        "pkg:pypi/numpy@2.5.5",
        "pkg:pypi/typing-extensions@4.16.0",
    }


def test_licences_are_one_line(root: Path) -> None:
    assert {one.licence for one in python_packages(root)} == {"BSD-3-Clause AND MIT", "PSF"}


def test_networks_are_known_by_their_hash(networks: Path) -> None:
    digest = hashlib.sha256(b"network").hexdigest()
    (one,) = models(networks)
    assert (one.name, one.sha256, one.purl) == ("midas.tflite", digest, "")
    assert one.as_cyclonedx()["hashes"] == [{"alg": "SHA-256", "content": digest}]


def test_the_bill_is_the_same_for_the_same_image_only(root: Path) -> None:
    components = sorted(debian_packages(root))
    time = datetime(2026, 11, 29, tzinfo=UTC)

    def serial(count: int, name: str) -> object:
        return bill_of_materials(components[:count], name=name, version="1", time=time)["serialNumber"]

    assert serial(2, "a") == serial(2, "a")
    assert len({serial(2, "a"), serial(1, "a"), serial(2, "b")}) == 3


def test_both_lists_are_written(root: Path, networks: Path, tmp_path: Path) -> None:
    options = {
        "--root": root,
        "--models": networks,
        "--name": "janban-x",
        "--version": "0.1.0",
        "--time": 1_796_000_000,
        "--packages": tmp_path / "packages",
        "--sbom": tmp_path / "sbom.json",
    }
    words = [str(word) for pair in options.items() for word in pair]
    subprocess.run((sys.executable, IMAGE / "contents.py", *words), check=True)
    assert (tmp_path / "packages").read_text().splitlines() == [
        "deb\tlibc6\t2.41-12+deb13u1\tarm64",
        "deb\tnftables\t1.1.3-1\tarm64",
        f"model\tmidas.tflite\t{hashlib.sha256(b'network').hexdigest()[:12]}",
        "pypi\tnumpy\t2.5.5",
        "pypi\ttyping_extensions\t4.16.0",
    ]
    bill = json.loads((tmp_path / "sbom.json").read_text())
    assert bill["metadata"]["timestamp"] == "2026-11-30T00:53:20Z"
    assert len({one["bom-ref"] for one in bill["components"]}) == len(bill["components"]) == 5
