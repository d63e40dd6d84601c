import logging

import pytest

from appliance.logs.text import TextFormatter
from tests.logs.records import raised, record

TOLD = "c0rrect-horse"


@pytest.mark.parametrize(
    "text",
    [
        f"password={TOLD}",
        f'{{"password": "{TOLD} and more {TOLD}"}}',
        f"mqtts://box:{TOLD}@broker.example:8883",
        f"Authorization: Bearer {TOLD}",
        f"-----BEGIN EC PRIVATE KEY-----\n{TOLD}",
    ],
)
def test_secrets_do_not_pass(text: str) -> None:
    for line in (record(text), record("cannot log in: %s", text), record("failed", error=raised(text))):
        said = TextFormatter().format(line)
        assert TOLD not in said
        assert "[redacted]" in said


def test_what_is_no_secret_stays() -> None:
    line = record("cannot log in: %s", f"password={TOLD}", error=raised(f"token={TOLD}"))
    text = TextFormatter().format(line)
    assert text.startswith("INFO appliance.test: cannot log in: password=[redacted]\nTraceback")


def test_text_is_one_line_with_level_and_logger() -> None:
    assert TextFormatter().format(record("%d trays", 3, level=logging.WARNING)) == (
        "WARNING appliance.test: 3 trays"
    )
