"""Topics, payloads, backoff, settings and the files that settings name."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from appliance.backoff import Backoff
from appliance.errors import PublishError
from appliance.publish import payloads
from appliance.publish.endpoint import Endpoint
from appliance.publish.settings import PublishSettings, TlsSettings
from appliance.publish.topics import Topics, readings_of
from appliance.readings.settings import StoreSettings
from tests.brokers import Certificates
from tests.readings.examples import ORIGIN


def test_topics_are_those_of_the_contract() -> None:
    topics = Topics("north", "line-1")
    assert [topics.reading, topics.status, topics.health, topics.info] == [
        f"janban/v1/north/line-1/{kind}" for kind in ("reading", "status", "health", "info")
    ]
    assert topics.command("reboot") == "janban/v1/north/line-1/cmd/reboot"
    assert topics.result("reboot") == "janban/v1/north/line-1/cmd/reboot/result"
    assert (readings_of("+"), readings_of("north")) == ("janban/v1/+/+/reading", "janban/v1/north/+/reading")


@given(
    st.text().filter(lambda name: not name.isascii() or not name.replace("-", "").replace("_", "").isalnum())
)
def test_a_name_that_is_no_level_is_refused(name: str) -> None:
    for make in (
        lambda: Topics(name, "a"),
        lambda: Topics("a", name),
        lambda: Topics("a", "b").command(name),
    ):
        with pytest.raises(ValueError, match="no name for a topic"):
            make()


def test_a_status_names_the_boot() -> None:
    assert json.loads(payloads.status("online", ORIGIN.boot_id)) == {
        "schema": "janban.status/1",
        "status": "online",
        "boot_id": str(ORIGIN.boot_id),
    }
    ill = payloads.status("online", ORIGIN.boot_id, payloads.Condition("degraded", ("hot",)))
    assert json.loads(ill)["reasons"] == ["hot"]


@given(st.floats(0.05, 60), st.floats(1, 100), st.integers(1, 40), st.floats(0, 1))
def test_backoff_doubles_up_to_its_bound(first_s: float, factor: float, rounds: int, luck: float) -> None:
    most_s = first_s * factor
    backoff = Backoff(first_s, most_s, draw=lambda low, high: low + (high - low) * luck)
    delays = [backoff.next_s() for _ in range(rounds)]
    for number, delay in enumerate(delays):
        bound = min(most_s, first_s * 2**number)
        assert bound / 2 <= delay * (1 + 1e-9)
        assert delay <= bound * (1 + 1e-9)
    backoff.reset()
    assert backoff.next_s() == delays[0]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"port": 0}, "port"),
        ({"protocol": "3.1"}, "protocol"),
        ({"keepalive_s": 1}, "keepalive_s"),
        ({"retries": 3}, "retries"),
        ({"tls": {"cert": "a.pem"}}, "cert and key belong together"),
        ({"password_file": "p"}, "needs a username"),
        ({"backoff_first_s": 60.0, "backoff_max_s": 2.0}, "backoff_max_s is less"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        PublishSettings.model_validate(values)


@pytest.mark.parametrize("model", [PublishSettings, TlsSettings, StoreSettings])
def test_every_setting_is_described(model: type[BaseModel]) -> None:
    assert all(field.description for field in model.model_fields.values())
    assert model() == model.model_validate({})
    assert (model.model_config["frozen"], model.model_config["extra"]) == (True, "forbid")


@pytest.fixture
def files(certificates: Certificates, tmp_path: Path) -> dict[str, Path]:
    encrypted = tmp_path / "encrypted.key"
    subprocess.run(
        [
            "openssl",
            "pkcs8",
            "-topk8",
            "-in",
            certificates.client_key,
            "-out",
            encrypted,
            "-passout",
            "pass:x",
        ],
        check=True,
    )
    (tmp_path / "junk.pem").write_text("junk")
    (tmp_path / "empty").touch()
    (tmp_path / "latin1").write_bytes(b"gr\xfc\xdfe\n")
    shutil.copy(certificates.ca, tmp_path / "ca.pem")
    return {
        "ca": certificates.ca,
        "cert": certificates.client_cert,
        "key": certificates.client_key,
        "other_key": certificates.broker_key,
        "encrypted": encrypted,
        "junk": tmp_path / "junk.pem",
        "empty": tmp_path / "empty",
        "latin1": tmp_path / "latin1",
        "missing": tmp_path / "missing",
        "folder": tmp_path,
    }


@pytest.mark.parametrize(
    ("tls", "why"),
    [
        ({"ca": "missing"}, "mqtt.tls.ca: .*: cannot be read: No such file"),
        ({"ca": "folder"}, "mqtt.tls.ca: .*: cannot be read: Is a directory"),
        ({"ca": "junk"}, "mqtt.tls.ca: .*: holds no certificate"),
        ({"ca": "ca", "cert": "missing", "key": "key"}, "mqtt.tls.cert: .*: cannot be read"),
        ({"ca": "ca", "cert": "cert", "key": "other_key"}, "mqtt.tls.key: .*: is not the key of"),
        ({"ca": "ca", "cert": "junk", "key": "key"}, "mqtt.tls.cert: .*: are no certificate and key"),
        ({"ca": "ca", "cert": "cert", "key": "encrypted"}, "mqtt.tls.key: .*: the key is encrypted"),
    ],
)
def test_certificates_that_cannot_work_are_told_at_the_start(
    files: dict[str, Path], tls: dict[str, str], why: str
) -> None:
    settings = PublishSettings(tls=TlsSettings(**{key: files[name] for key, name in tls.items()}))
    with pytest.raises(PublishError, match=why) as told:
        Endpoint.of(settings)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("missing", "cannot be read"),
        ("folder", "cannot be read"),
        ("empty", "is empty"),
        ("latin1", "not UTF-8"),
    ],
)
def test_password_files_that_cannot_work_are_told_at_the_start(
    files: dict[str, Path], file: str, why: str
) -> None:
    with pytest.raises(PublishError, match=f"mqtt.password_file: .*{why}"):
        Endpoint.of(PublishSettings(username="line-1", password_file=files[file]))


def test_a_pipe_is_no_password_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PublishError, match="no plain file"):
        Endpoint.of(PublishSettings(username="line-1", password_file=tmp_path / "pipe"))


def test_a_password_is_the_first_line_and_stays_out_of_repr(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open sesame\r\nsecond line\n")
    endpoint = Endpoint.of(PublishSettings(username="ali", password_file=tmp_path / "password"))
    assert endpoint.password == "open sesame"  # noqa: S105
    assert "sesame" not in repr(endpoint)
