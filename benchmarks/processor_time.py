"""How long this process and those that it started have run."""

import os
import time
from pathlib import Path

from appliance.service.memory import descendants

_PROC = Path("/proc")


def processor_ms(proc: Path = _PROC) -> float:
    """Return the processor time of all threads of this process and of its living descendants.

    What else runs on the machine hardly changes it. Of a descendant that runs right now, the last few
    milliseconds are not in it.
    """
    ran_ns = [
        int(file.read_text(encoding="ascii").split()[0])
        for child in descendants(os.getpid(), proc)
        for file in proc.glob(f"{child}/task/*/schedstat")
    ]
    return 1000 * time.process_time() + sum(ran_ns) / 1e6
