import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.errors import JanbanError, ProvisionError
from appliance.provision.certificate import new_key
from appliance.provision.disk import Disk
from appliance.remote.operators import load_operators
from appliance.remote.signature import public_text
from tests.provision.authority import Authority, new_authority
from tests.provision.boxes import (
    CRT,
    CSR,
    LOGIN,
    REQUEST,
    Box,
    certificate,
    order,
)


def test_a_password_becomes_a_file_that_the_configuration_names(box: Box) -> None:
    box.file.write_text(order(LOGIN))
    assert box.run() == "canteen-3/line-1: provisioned"
    settings = box.settings()
    assert (settings.device.site, settings.device.name) == ("canteen-3", "line-1")
    assert (settings.mqtt.host, settings.mqtt.port, settings.mqtt.username) == (
        "broker.example.org",
        8883,
        "line-1",
    )
    assert settings.mqtt.tls is not None
    assert settings.camera.kind == "picamera2"
    assert box.here(settings.mqtt.password_file).read_text() == "correct horse\n"
    assert "correct horse" not in box.config.read_text()


def test_a_request_waits_for_its_certificate_and_measures_meanwhile(box: Box, authority: Authority) -> None:
    box.file.write_text(order(REQUEST, ca=authority.pem))
    assert CSR in box.run()
    tls = box.settings().mqtt.tls
    assert tls is not None
    assert (tls.cert, tls.key) == (None, None)
    assert box.here(tls.ca).read_text() == authority.pem
    assert box.run() == "nothing to do"

    (box.boot / CRT).write_bytes(authority.sign((box.boot / CSR).read_bytes()))
    assert box.run() == "canteen-3/line-1: provisioned"
    tls = box.settings().mqtt.tls
    assert tls is not None
    assert tls.key is not None
    assert box.here(tls.key).read_bytes() == (box.identity / "device.key").read_bytes()
    assert box.here(tls.cert).read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert not list(box.boot.iterdir())
    assert box.run() == "nothing to do"


def test_a_certificate_is_renewed_by_another_one_for_the_same_key(box: Box, authority: Authority) -> None:
    box.file.write_text(order(REQUEST, ca=authority.pem))
    box.run()
    csr = (box.boot / CSR).read_bytes()
    for _ in range(2):
        signed = authority.sign(csr)
        (box.boot / CRT).write_bytes(signed)
        box.run()
        tls = box.settings().mqtt.tls
        assert tls is not None
        assert box.here(tls.cert).read_bytes() == signed


def test_a_later_file_may_bring_the_certificate_of_the_own_key(box: Box, authority: Authority) -> None:
    box.file.write_text(order(REQUEST, ca=authority.pem))
    box.run()
    signed = authority.sign((box.boot / CSR).read_bytes()).decode()
    box.file.write_text(order(f'kind = "certificate"\ncertificate = """\n{signed}"""', ca=authority.pem))
    assert box.run() == "canteen-3/line-1: provisioned"
    tls = box.settings().mqtt.tls
    assert tls is not None
    assert box.here(tls.cert).read_text() == signed


def test_a_certificate_with_its_key_is_taken_on(box: Box, authority: Authority) -> None:
    identity, key = certificate(authority)
    box.file.write_text(order(identity, ca=authority.pem))
    box.run()
    tls = box.settings().mqtt.tls
    assert tls is not None
    assert box.here(tls.key).read_text() == key
    assert not (box.identity / "device.key").exists()


def test_operators_come_with_the_identity(box: Box) -> None:
    key = public_text(Ed25519PrivateKey.generate().public_key())
    operators = f'[kim]\nkey = "{key}"\ncommands = ["restart"]\n'
    box.file.write_text(f"operators = '''{operators}'''\n{order(LOGIN)}")
    box.run()
    assert len(load_operators(box.here(box.settings().commands.operators))) == 1
    box.file.write_text(f"operators = '[kim]'\n{order(LOGIN)}")
    with pytest.raises(JanbanError, match="operators: the text: kim"):
        box.run()


def test_the_example_is_a_provision_file(box: Box) -> None:
    example = Path(__file__).parents[2] / "docs/provision-example.toml"
    box.file.write_bytes(example.read_bytes())
    assert "canteen-3-return-line-1.csr" in box.run()


def test_secrets_are_their_owners_alone_and_the_file_is_gone(box: Box, authority: Authority) -> None:
    identity, _ = certificate(authority)
    for lines in (REQUEST, LOGIN, identity):
        box.file.write_text(order(lines))
        box.run()
        for path in (box.identity, *box.identity.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
        assert {file.name for file in box.boot.iterdir()} <= {CSR}


def test_of_an_earlier_identity_nothing_but_the_own_key_is_kept(box: Box) -> None:
    for lines in (REQUEST, LOGIN):
        box.file.write_text(order(lines))
        box.run()
    assert sorted(path.name for path in box.identity.rglob("*") if path.is_file()) == [
        "device.key",
        "password",
    ]
    assert not (box.boot / CSR).exists()


def test_a_broken_key_of_ones_own_is_made_anew(box: Box) -> None:
    box.file.write_text(order(REQUEST))
    box.run()
    (box.identity / "device.key").write_text("-----BEGIN")
    before = (box.boot / CSR).read_bytes()
    box.file.write_text(order(REQUEST))
    box.run()
    assert (box.boot / CSR).read_bytes() != before


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("site = 'a'", "device: is missing"),
        ("site = 'a' device", "line 1"),
        (order("kind = 'guess'"), 'identity.kind: "guess" is not allowed'),
        (order("kind = 'password'\nusername = 'a'"), "identity.password: is missing"),
        (order(LOGIN, more="shell = 'rm'"), "identity.shell: is not a setting"),
        (order(LOGIN, ca="no certificate\n"), "broker.ca: is no certificate (PEM)"),
        (order("kind = 'certificate'\ncertificate = ''"), "identity.certificate: is no certificate"),
        (order(LOGIN).replace("line-1", "line 1", 1), "device:"),
        (order(LOGIN).replace("broker.example.org", "a b"), "broker.host:"),
    ],
)
def test_a_wrong_file_is_kept_and_what_is_wrong_is_written_beside_it(box: Box, text: str, found: str) -> None:
    box.file.write_text(text)
    before = box.files()
    with pytest.raises(JanbanError) as raised:
        box.run()
    assert found in str(raised.value)
    assert "\n" not in str(raised.value)
    report = box.error.read_text()
    assert str(raised.value) in report
    assert box.files() == before | {"boot/firmware/provision-error.txt": box.error.read_bytes()}

    box.file.write_text(order(LOGIN))
    box.run()
    assert not box.error.exists()


@pytest.mark.parametrize(
    "lines",
    [
        "kind = 'password'\nusername = 'a'\npassword = 12345678",
        'kind = "password"\nusername = "a"\npassword = "12345678\\n"',
        "kind = 'certificate'\ncertificate = ''\nkey = '12345678'",
        "kind = 'certificate'\ncertificate = ''\nkey = 12345678",
    ],
)
def test_errors_quote_no_secret(box: Box, lines: str) -> None:
    box.file.write_text(order(lines))
    with pytest.raises(JanbanError) as raised:
        box.run()
    assert "12345678" not in str(raised.value) + box.error.read_text()


def test_a_certificate_that_does_not_fit_changes_nothing(box: Box, authority: Authority) -> None:
    box.file.write_text(order(REQUEST, ca=authority.pem))
    box.run()
    before = box.files()
    (box.boot / CRT).write_bytes(new_authority().sign((box.boot / CSR).read_bytes()))
    with pytest.raises(ProvisionError, match=rf"^{CRT}: is not signed by the authority"):
        box.run()
    assert {name: text for name, text in box.files().items() if name in before} == before


@pytest.mark.parametrize("edited", [True, False])
def test_a_configuration_of_a_person_stays(box: Box, *, edited: bool) -> None:
    config = "[device]\n"
    if edited:
        box.file.write_text(order(LOGIN))
        box.run()
        config = box.config.read_text().replace("8883", "8884")
    box.config.write_text(config)
    box.file.write_text(order(REQUEST))
    with pytest.raises(ProvisionError, match="by hand and stays"):
        box.run()
    assert box.config.read_text() == config
    assert box.file.exists()
    box.run(overwrite=True)
    assert box.settings().mqtt.port == 8883


def test_without_a_file_and_a_configuration_it_says_what_to_write(box: Box) -> None:
    with pytest.raises(ProvisionError, match=r"does not exist.*docs/provisioning\.md"):
        box.run()


def test_a_name_that_an_editor_lengthened_is_noticed(box: Box) -> None:
    (box.boot / "provision.toml.txt").write_text(order(LOGIN))
    with pytest.raises(ProvisionError, match=r"^provision\.toml\.txt: rename it to provision\.toml$"):
        box.run()
    assert "rename it" in box.error.read_text()


def test_a_boot_partition_that_is_not_there_is_one_line(box: Box) -> None:
    box.boot.rmdir()
    with pytest.raises(ProvisionError, match="does not exist"):
        box.run()


def test_wiping_overwrites_the_bytes_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"secret")
    inode, synced = file.stat().st_ino, []

    def fsync(handle: int) -> None:
        synced.append((os.fstat(handle).st_ino, file.read_bytes()))

    monkeypatch.setattr(os, "fsync", fsync)
    Disk().overwrite(file)
    assert synced == [(inode, bytes(6)), (inode, b"")]


def test_links_lead_root_nowhere(box: Box, tmp_path: Path) -> None:
    """The state folder is the service's: whoever took that over must not steer what root writes or reads."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "device.key").write_bytes(new_key())
    before = {file: file.read_bytes() for file in elsewhere.iterdir()}
    box.identity.symlink_to(elsewhere)
    box.file.write_text(order(LOGIN))
    box.run()
    assert not box.identity.is_symlink()
    (box.identity / "device.key").symlink_to(elsewhere / "device.key")
    (box.identity / "more").symlink_to(elsewhere)
    box.file.write_text(order(REQUEST))
    box.run()
    assert not [path for path in box.identity.rglob("*") if path.is_symlink()]
    assert {file: file.read_bytes() for file in elsewhere.iterdir()} == before


def test_the_services_user_cannot_change_what_root_will_write(box: Box, authority: Authority) -> None:
    box.file.write_text(order(REQUEST, ca=authority.pem))
    box.run()
    config = box.config.read_text()
    [asked] = box.identity.rglob("order.toml")
    asked.write_text(asked.read_text().replace("broker.example.org", "broker.example.net"))
    (box.boot / CRT).write_bytes(authority.sign((box.boot / CSR).read_bytes()))
    with pytest.raises(ProvisionError, match="was changed since"):
        box.run()
    assert box.config.read_text() == config


def test_a_certificate_for_a_configuration_that_a_person_edited_is_not_passed_over(
    box: Box, authority: Authority
) -> None:
    box.file.write_text(order(REQUEST, ca=authority.pem))
    box.run()
    box.config.write_text(box.config.read_text().replace("8883", "8884"))
    (box.boot / CRT).write_bytes(authority.sign((box.boot / CSR).read_bytes()))
    with pytest.raises(ProvisionError, match="edited by hand"):
        box.run()
    assert box.run(overwrite=True) == "canteen-3/line-1: provisioned"
