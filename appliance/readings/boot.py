"""Which boot of the machine this is."""

from functools import cache
from pathlib import Path
from uuid import UUID, uuid4

_KERNEL_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> UUID:
    """Return the kernel's boot id, the same for every process until the next boot; a random one elsewhere.

    Monotonic times are comparable between processes that share it.
    """
    try:
        return UUID(_KERNEL_BOOT_ID.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return uuid4()
