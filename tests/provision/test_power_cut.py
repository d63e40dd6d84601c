import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.publish.endpoint import Endpoint
from tests.provision.authority import Authority
from tests.provision.boxes import (
    CRT,
    CSR,
    LOGIN,
    REQUEST,
    Box,
    FailingDisk,
    PowerCutError,
    certificate,
    new_box,
    order,
)
from tests.readings.places import in_memory


def results(box: Box) -> dict[str, bytes]:
    """Return all that a run left, without what differs by chance: keys, and what is made of them."""
    by_chance = (".key", ".csr", "device.pem")
    return {
        re.sub(r"[0-9a-f]{16}", "#", name): b""
        if name.endswith(by_chance)
        else re.sub(rb"[0-9a-f]{64}|[0-9a-f]{16}", b"#", content)
        for name, content in box.files().items()
    }


def cuts() -> Iterator[tuple[int, bool]]:
    for step in range(60):
        yield step, False
        yield step, True


@pytest.fixture
def folder() -> Iterator[Path]:
    with in_memory() as place:
        yield Path(place)


@pytest.mark.parametrize("kind", ["request", "answer", "password", "certificate"])
def test_a_power_cut_at_any_step_changes_nothing_in_the_end(
    folder: Path, authority: Authority, kind: str
) -> None:
    lines = {"password": LOGIN, "certificate": certificate(authority)[0]}.get(kind, REQUEST)

    def prepared(root: Path) -> Box:
        """Return a box that had another identity before."""
        box = new_box(root)
        box.file.write_text(order(LOGIN.replace("horse", "mule"), ca=authority.pem))
        box.run()
        box.file.write_text(order(lines, ca=authority.pem))
        if kind == "answer":
            box.run()
            (box.boot / CRT).write_bytes(authority.sign((box.boot / CSR).read_bytes()))
        return box

    whole = prepared(folder / "whole")
    said = whole.run()
    cut_runs = 0
    for step, after in cuts():
        box = prepared(folder / f"{step}-{after}")
        try:
            assert box.run(FailingDisk(step, after=after)) == said
        except PowerCutError:
            cut_runs += 1
        else:
            break
        assert_whole_identity(box)
        box.run()
        assert results(box) == results(whole), (step, after)
        assert_whole_identity(box)
        assert box.run() == "nothing to do"
    assert cut_runs > 10


def assert_whole_identity(box: Box) -> None:
    """Whatever the configuration names is there, and belongs together."""
    mqtt = box.settings().mqtt
    assert mqtt.tls is not None
    named = [path for path in (mqtt.tls.ca, mqtt.tls.cert, mqtt.tls.key, mqtt.password_file) if path]
    assert all(box.here(path).is_file() for path in named)
    assert (mqtt.tls.cert is None) == (mqtt.tls.key is None)
    if mqtt.tls.cert is not None and mqtt.tls.key is not None:
        tls = mqtt.tls.model_copy(
            update={name: box.here(getattr(mqtt.tls, name)) for name in ("ca", "cert", "key")}
        )
        Endpoint.of(mqtt.model_copy(update={"tls": tls, "password_file": None}))


def test_a_wipe_that_was_cut_off_is_finished(box: Box) -> None:
    box.file.write_text(order(LOGIN))
    box.run()
    (box.boot / "provision.toml.used").write_bytes(bytes(100) + b"password")
    assert box.run() == "nothing to do"
    assert not list(box.boot.iterdir())


def test_what_a_power_cut_left_of_a_file_is_removed(box: Box) -> None:
    box.file.write_text(order(LOGIN))
    box.run()
    password = box.here(box.settings().mqtt.password_file)
    (password.parent / ".password.x1y2").write_text("correct")
    (box.identity / ".device.key.x1y2").write_text("-----BEGIN")
    box.file.write_text(order(LOGIN))
    box.run()
    assert [path for path in box.identity.rglob("*") if path.is_file()] == [password]
