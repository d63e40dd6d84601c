import hashlib
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from image.update import key as update_key
from image.update.__main__ import main
from image.update.pack import compatible, manifest
from tests.image.update.slots import CMDLINE, file_system, image

NAME = "janban-20261129-0.1.0-gabc"


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


TOOLS = needs("rauc", "mksquashfs", "sfdisk", "mke2fs", "openssl")


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    assert update_key.main(["--out", str(tmp_path / "keys")]) == 0
    return tmp_path / "keys/key.pem", tmp_path / "keys/cert.pem"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    boot = file_system(tmp_path, "boot", cmdline__txt=CMDLINE)
    # What does not compress to nothing.
    root = file_system(
        tmp_path, "root", version="".join(hashlib.sha256(b"%d" % n).hexdigest() for n in range(999))
    )
    with root.open("r+b") as made:
        made.seek(1024 + 0x108)
        made.write(int(datetime(2026, 11, 28, 7, 8, 9, tzinfo=UTC).timestamp()).to_bytes(4, "little"))
    return image(tmp_path, NAME, boot, root)


def bundle(built: Path, key: Path, cert: Path) -> int:
    return main(["--image", str(built), "--key", str(key), "--cert", str(cert)])


@TOOLS
def test_an_image_becomes_a_bundle_that_its_own_key_vouches_for(
    built: Path, keys: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert bundle(built, *keys) == 0
    assert "version 20261129-0.1.0-gabc for janban-debian" in capsys.readouterr().out
    packed = built.with_suffix(".raucb")
    info = ("rauc", "info", "--output-format=json")
    told = subprocess.run(
        (*info, f"--keyring={keys[1]}", packed), capture_output=True, check=True, timeout=60
    )
    said = json.loads(told.stdout)
    assert (said["compatible"], said["version"]) == ("janban-debian", "20261129-0.1.0-gabc")
    # When the file system was made, which the image's build says: its commit's time.
    assert said["build"] == "20261128070809"
    sums = {name: part["checksum"] for one in said["images"] for name, part in one.items()}
    assert sums == {
        "boot": hashlib.sha256((tmp_path / "boot").read_bytes()).hexdigest(),
        "rootfs": hashlib.sha256((tmp_path / "root").read_bytes()).hexdigest(),
    }
    update_key.main(["--out", str(tmp_path / "other")])
    other = tmp_path / "other/cert.pem"
    refused = subprocess.run(
        (*info, f"--keyring={other}", packed), capture_output=True, check=False, timeout=60
    )
    assert refused.returncode != 0
    assert b"signature verification failed" in refused.stderr
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


@TOOLS
def test_a_bundle_that_was_changed_is_refused(built: Path, keys: tuple[Path, Path]) -> None:
    assert bundle(built, *keys) == 0
    packed = built.with_suffix(".raucb")
    content = bytearray(packed.read_bytes())
    content[-600] ^= 1
    packed.write_bytes(content)
    info = ("rauc", "info", f"--keyring={keys[1]}", packed)
    assert subprocess.run(info, capture_output=True, check=False, timeout=60).returncode != 0


@TOOLS
def test_without_keys_nothing_is_packed(
    built: Path, keys: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, cert = keys
    assert main(["--image", str(built)]) == 1
    assert "name KEY= and CERT=" in capsys.readouterr().err
    assert bundle(built, key, tmp_path / "none.pem") == 1
    assert "there is no such file" in capsys.readouterr().err
    update_key.main(["--out", str(tmp_path / "other")])
    assert bundle(built, key, tmp_path / "other/cert.pem") == 1
    assert f"is not the certificate of {key}" in capsys.readouterr().err
    key.chmod(0o644)
    assert bundle(built, key, cert) == 1
    assert "others may read this key" in capsys.readouterr().err
    assert not built.with_suffix(".raucb").exists()


@TOOLS
@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("root_b", "has no partition root_a"),
        ("boot_b", "has no partition boot_a"),
        (None, "sfdisk --json fails"),
    ],
)
def test_an_image_of_something_else_is_refused(
    built: Path,
    keys: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    name: str | None,
    complaint: str,
) -> None:
    if name is None:
        built.write_bytes(bytes(1 << 20))
    else:
        number = {"boot_b": "2", "root_b": "4"}[name]
        subprocess.run(["sfdisk", "-q", "--part-label", built, number, "x"], check=True, timeout=60)
    digest = hashlib.sha256(built.read_bytes()).hexdigest()
    built.with_suffix(".sha256").write_text(f"{digest}  {built.name}\n")
    assert bundle(built, *keys) == 1
    assert complaint in capsys.readouterr().err
    assert not built.with_suffix(".raucb").exists()


@needs("openssl")
def test_a_key_is_its_owners_and_is_not_replaced(
    tmp_path: Path, keys: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys[0].stat().st_mode & 0o077 == 0
    before = keys[0].read_bytes()
    assert update_key.main(["--out", str(tmp_path / "keys")]) == 1
    assert "has a key already" in capsys.readouterr().err
    assert keys[0].read_bytes() == before


def test_a_bundle_is_for_boxes_of_its_base() -> None:
    assert compatible(NAME) == "janban-debian"
    assert compatible(f"{NAME}-raspios") == "janban-raspios"
    assert "compatible=janban-raspios\n" in manifest(
        version="1", fits="janban-raspios", parts=[], built="20261129120000"
    )
