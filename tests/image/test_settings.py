import hashlib
import re
from pathlib import Path

import pytest

from tests.image.parts import IMAGE, ROOT, shell


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"SITE": "the canteen"}, "SITE=the canteen: is no name of a site"),
        ({"SITE": "a/b"}, "SITE=a/b: is no name of a site"),
        ({"LOCALE": "de_DE"}, "LOCALE=de_DE: is not known; use ko_KR or en"),
        ({"TIMEZONE": "../etc; rm"}, "is no time zone"),
        ({"WIFI_COUNTRY": "kr"}, "WIFI_COUNTRY=kr: is no country"),
        ({"BASE": "ubuntu"}, "BASE=ubuntu: is not known; use debian or raspios"),
        ({"BASE": "raspios"}, "RASPIOS_KEYRING= is no file"),
        ({"EDGETPU_DEB": "/nowhere.deb"}, "EDGETPU_DEB=/nowhere.deb: there is no such file"),
        ({"EDGETPU_DEB": "/etc/passwd"}, "EDGETPU_DEB_SHA256: is missing"),
        ({"UPDATE_KEYRING": "/nowhere.pem"}, "UPDATE_KEYRING=/nowhere.pem: there is no such file"),
        ({"EDGETPU_DEB": "/etc/passwd", "EDGETPU_DEB_SHA256": "0" * 64}, "/etc/passwd: has the wrong hash"),
    ],
)
def test_a_wrong_setting_is_one_line(settings: dict[str, str], complaint: str) -> None:
    refused = shell("check_settings", settings=settings)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 1
    assert refused.stderr.startswith("image: ")
    assert complaint in refused.stderr


@pytest.mark.parametrize(
    "settings", [{}, {"LOCALE": "en", "SITE": "canteen_3"}, {"SITE": "", "LOCALE": "", "BASE": ""}]
)
def test_defaults_and_good_settings_pass(settings: dict[str, str]) -> None:
    passed = shell("check_settings", settings=settings)
    assert (passed.returncode, passed.stderr) == (0, "")


def test_a_package_with_the_hash_that_was_given_passes(tmp_path: Path) -> None:
    package = tmp_path / "libedgetpu.deb"
    package.write_bytes(b"package")
    digest = hashlib.sha256(b"package").hexdigest()
    passed = shell("check_settings", settings={"EDGETPU_DEB": str(package), "EDGETPU_DEB_SHA256": digest})
    assert (passed.returncode, passed.stderr) == (0, "")


def test_raspios_says_that_it_is_untested(tmp_path: Path) -> None:
    keyring = tmp_path / "keyring.gpg"
    keyring.write_bytes(b"key")
    passed = shell("check_settings", settings={"BASE": "raspios", "RASPIOS_KEYRING": str(keyring)})
    assert passed.returncode == 0
    assert "untested" in passed.stderr


def test_the_image_bears_the_name_and_the_time_of_its_commit() -> None:
    named = shell('name_image; echo "$NAME $SOURCE_DATE_EPOCH"')
    assert named.returncode == 0, named.stderr
    name, time = named.stdout.split()
    assert re.fullmatch(r"janban-\d{8}-\d+\.\d+\.\d+-g[0-9a-f]{10}(-dirty)?", name)
    assert int(time) > 1_700_000_000


def test_make_hands_every_setting_on() -> None:
    """A setting that the build reads and make does not export would be ignored in config.mk."""
    read = set(re.findall(r"^([A-Z_0-9]+)=\$\{\1:-", (IMAGE / "settings.sh").read_text(), re.MULTILINE))
    exported = set()
    for line in re.findall(r"^export ([A-Z_0-9 ]+)$", (ROOT / "Makefile").read_text(), re.MULTILINE):
        exported |= set(line.split())
    assert read - exported == {"BUILD"}
