"""`make models-bundle` and `make menu-bundle`: what a box would refuse is not packed."""

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from image.update import key as update_key
from image.update.alone import main
from tests.image.update.test_bundle import needs
from tests.inference.test_parity_at_start import MODELS
from tests.menu.test_menu import EXAMPLE

TOOLS = needs("rauc", "mksquashfs", "unsquashfs", "openssl")
NOW = datetime(2026, 11, 29, 12, 34, 56, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    assert update_key.main(["--out", str(tmp_path / "keys")]) == 0
    return tmp_path / "keys"


@pytest.fixture
def menu(tmp_path: Path) -> Path:
    (tmp_path / "menu").mkdir()
    shutil.copy(EXAMPLE, tmp_path / "menu/menu.toml")
    return tmp_path / "menu"


def pack(kind: str, folder: Path, keys: Path, *more: str) -> int:
    signed = ("--key", str(keys / "key.pem"), "--cert", str(keys / "cert.pem"))
    words = ("--kind", kind, "--folder", str(folder), "--out", str(keys.parent / "out"))
    return main([*words, *signed, *more], now=NOW)


def packed(keys: Path) -> tuple[Path, dict[str, object]]:
    """Return the only bundle, unpacked by RAUC, and what RAUC says of it."""
    (bundle,) = (keys.parent / "out").iterdir()
    keyring = f"--keyring={keys / 'cert.pem'}"
    told = subprocess.run(
        ("rauc", "info", "--output-format=json", keyring, bundle), capture_output=True, check=True, timeout=60
    )
    folder = keys.parent / "unpacked"
    subprocess.run(("rauc", "extract", keyring, bundle, folder), capture_output=True, check=True, timeout=60)
    return folder, json.loads(told.stdout)


@TOOLS
def test_networks_are_packed_with_all_that_belongs_to_them_and_nothing_else(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "models"
    shutil.copytree(MODELS, folder)
    (folder / "notes.txt").write_text("my own")
    capsys.readouterr()
    assert pack("models", folder, keys) == 0
    assert "5 files" in capsys.readouterr().out
    there, said = packed(keys)
    assert (said["compatible"], said["build"]) == ("janban-models", "20261129123456")
    names = {file.name for file in there.iterdir()} - {"manifest.raucm"}
    expected = {
        "manifest.json",
        "fusion.json",
        "parity.npz",
        *(file.name for file in MODELS.glob("*.tflite")),
    }
    assert names == expected
    assert all((there / name).read_bytes() == (MODELS / name).read_bytes() for name in names)


@TOOLS
def test_a_version_tells_contents_apart_not_hours(keys: Path, menu: Path) -> None:
    assert pack("menu", menu, keys) == 0
    (first,) = (keys.parent / "out").iterdir()
    with (menu / "menu.toml").open("a") as file:
        file.write("# and nothing else\n")
    assert pack("menu", menu, keys) == 0
    assert len(list((keys.parent / "out").iterdir())) == 2
    assert first.name.startswith("janban-menu-20261129-")


@pytest.mark.parametrize(
    ("kind", "damage", "why"),
    [
        ("models", lambda folder: (folder / "parity.npz").unlink(), "parity.npz: missing"),
        ("models", lambda folder: next(folder.glob("*.tflite")).write_bytes(b""), "has 0 bytes"),
        ("models", lambda folder: (folder / "manifest.json").unlink(), "manifest.json: missing"),
        ("models", shutil.rmtree, "there is no such folder"),
        ("menu", Path.exists, "menu.toml: does not exist"),
    ],
)
@TOOLS
def test_what_a_box_would_refuse_is_not_packed(
    keys: Path, kind: str, damage: Callable[[Path], object], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = keys.parent / "models"
    shutil.copytree(MODELS, folder)
    damage(folder)
    capsys.readouterr()
    assert pack(kind, folder, keys) == 1
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1
    assert not list(keys.parent.glob("out/*"))


@TOOLS
def test_nothing_is_packed_without_a_key(
    menu: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--kind", "menu", "--folder", str(menu), "--out", str(tmp_path / "out")]) == 1
    assert "a bundle is signed: name KEY= and CERT=" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
