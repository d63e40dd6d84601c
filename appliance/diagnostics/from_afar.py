"""The archive as the running service makes it for an operator: it starts no program and opens no device."""

from collections.abc import Sequence

from appliance.config import Settings
from appliance.diagnostics.collect import collect
from appliance.doctor.instruments import Instruments
from appliance.doctor.running import Running, ask


def collect_from_afar(settings: Settings, limit_bytes: int) -> bytes:
    """Return the archive, as `collect` does, without what other programs would have to say.

    The service holds camera and Coral, whether or not it has metrics that say so.
    """
    instruments = Instruments(
        unit=dict[str, str], running=lambda port: ask(port) or Running(unable=None, answers=False)
    )
    return collect(settings, instruments, limit_bytes=limit_bytes, run=_nothing)


def _nothing(words: Sequence[str]) -> str:
    return f"[{words[0]} is not run for an operator from afar]\n"
