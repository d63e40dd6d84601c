"""What all tests share."""

import logging
import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no reason to fail.
settings.register_profile(
    "janban",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("janban")

pytest_plugins = ["tests.brokers"]


def _raise(_handler: logging.Handler, _record: logging.LogRecord) -> None:
    error = sys.exception()
    assert error is not None
    raise error


@pytest.fixture(scope="session", autouse=True)
def log_format_errors_fail() -> Iterator[None]:
    """Make every log call of the appliance format its arguments, and a wrong one fail its test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.Handler, "handleError", _raise)
        logging.getLogger("appliance").setLevel(logging.DEBUG)
        yield
