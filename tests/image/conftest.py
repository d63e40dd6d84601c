"""Emulated boxes, and what they talk to."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from appliance.provision.certificate import new_key
from tests.brokers import Mosquitto, free_port
from tests.image.bench import CARD_MB, IMAGE, LONG, Central
from tests.image.card import Card
from tests.image.emulator import HOST, PATIENCE, Box
from tests.provision.authority import NOW, new_authority


@pytest.fixture
def central(tmp_path: Path, mosquitto_broker: Callable[[str], Mosquitto]) -> Central:
    authority = new_authority()
    key = new_key()
    certificate = authority.sign_server(key, HOST, NOW - LONG, NOW + LONG)
    for name, text in (("ca.pem", authority.pem.encode()), ("broker.key", key), ("broker.pem", certificate)):
        (tmp_path / name).write_bytes(text)
    inner = free_port()
    # Sessions outlive the broker: what is published before the subscriber is back is not lost.
    mosquitto = mosquitto_broker(
        f"cafile {tmp_path}/ca.pem\ncertfile {tmp_path}/broker.pem\nkeyfile {tmp_path}/broker.key\n"
        "require_certificate true\nuse_identity_as_username true\n"
        f"listener {inner} 127.0.0.1\nallow_anonymous true\n"
        f"persistence true\npersistence_location {tmp_path}/\n"
    )
    return Central(mosquitto, inner, authority)


@pytest.fixture
def new_box(tmp_path: Path) -> Iterator[Callable[..., Box]]:
    """Return a function that makes a box that was never on, with a key and an order on its boot partition."""
    made: list[Box] = []

    def make(order: str, credentials: Mapping[str, str] = PATIENCE) -> Box:
        key = tmp_path / "id_ed25519"
        subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key), check=True)
        card = Card.of(IMAGE, tmp_path, CARD_MB)
        (tmp_path / "provision.toml").write_text(order, encoding="utf-8")
        card.put("bootcfg", tmp_path / "provision.toml", "provision.toml")
        card.put("bootcfg", key.with_suffix(".pub"), "authorized_keys")
        made.append(Box(card, tmp_path, key, credentials))
        return made[-1]

    yield make
    for box in made:
        box.power_cut()
