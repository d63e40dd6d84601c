import configparser
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from image.update import key as update_key
from image.update.pack import compatible

INSTALL = Path(__file__).parents[3] / "image" / "update" / "install"

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    update_key.main(["--out", str(tmp_path / "keys")])
    return tmp_path / "keys"


def install(root: Path, keyring: Path, *, base: str = "debian", bench: str = "1") -> tuple[int, str]:
    root.mkdir(exist_ok=True)
    ran = subprocess.run(
        (INSTALL, root, base, keyring),
        env={**os.environ, "BENCH": bench},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.returncode, ran.stderr


@pytest.mark.parametrize("base", ["debian", "raspios"])
def test_a_root_becomes_one_that_takes_updates(tmp_path: Path, keys: Path, base: str) -> None:
    root = tmp_path / "root"
    assert install(root, keys / "cert.pem", base=base) == (0, "")
    config = configparser.ConfigParser(interpolation=None)
    config.read(root / "etc/rauc/system.conf")
    name = "janban-1" if base == "debian" else f"janban-1-{base}"
    assert config["system"]["compatible"] == compatible(name)
    backend = root / config["handlers"]["bootloader-custom-backend"].lstrip("/")
    assert os.access(backend, os.X_OK)
    keyring = root / config["keyring"]["path"].lstrip("/")
    assert keyring.read_bytes() == (keys / "cert.pem").read_bytes()
    wants = root / "etc/systemd/system/multi-user.target.wants"
    assert {link.name for link in wants.iterdir()} == {"janban-update.service", "janban-install.path"}
    assert all(link.is_file() for link in wants.iterdir())
    assert (root / "etc/systemd/system/janban-stick@.service").is_file()
    assert (root / "etc/udev/rules.d/71-janban-update.rules").is_file()


def test_slots_are_the_images_partitions(tmp_path: Path, keys: Path) -> None:
    root = tmp_path / "root"
    install(root, keys / "cert.pem")
    config = configparser.ConfigParser(interpolation=None)
    config.read(root / "etc/rauc/system.conf")
    slots = {name: config[name] for name in config.sections() if name.startswith("slot.")}
    assert {name: Path(slot["device"]).name for name, slot in slots.items()} == {
        "slot.rootfs.0": "root_a",
        "slot.boot.0": "boot_a",
        "slot.rootfs.1": "root_b",
        "slot.boot.1": "boot_b",
    }
    assert {slot["parent"] for slot in slots.values() if "parent" in slot} == {"rootfs.0", "rootfs.1"}
    assert [slot["bootname"] for slot in slots.values() if "bootname" in slot] == ["A", "B"]


def test_no_key_for_a_bench_goes_to_a_canteen(tmp_path: Path, keys: Path) -> None:
    status, said = install(tmp_path / "root", keys / "cert.pem", bench="")
    assert status == 1
    assert "not for canteens" in said
    assert not list((tmp_path / "root").iterdir())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "there is no such file"), ("hello", "is no certificate"), ("key", "has a private key")],
)
def test_what_is_no_keyring_is_refused(
    tmp_path: Path, keys: Path, content: str | None, complaint: str
) -> None:
    keyring = tmp_path / "keyring.pem"
    if content == "key":
        keyring.write_text((keys / "cert.pem").read_text() + (keys / "key.pem").read_text())
    elif content is not None:
        keyring.write_text(content)
    status, said = install(tmp_path / "root", keyring)
    assert status == 1
    assert complaint in said
    assert not list((tmp_path / "root").iterdir())
