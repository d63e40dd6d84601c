"""A reading on its way to the broker."""

import json
from dataclasses import dataclass
from typing import Self
from uuid import UUID


@dataclass(frozen=True)
class Pending:
    """A reading that the broker does not have yet."""

    id: UUID
    payload: str
    boot_id: UUID
    stored_monotonic_s: float

    @classmethod
    def of(cls, id_: str, payload: str, boot_id: str, stored_monotonic_s: float) -> Self:
        """Return a row of the store; raises ValueError for what is none, as after a flipped bit."""
        if not isinstance(json.loads(payload), dict):
            raise ValueError(f"{id_}: the payload is no object")  # noqa: TRY004 - a value from outside
        return cls(UUID(id_), payload, UUID(boot_id), stored_monotonic_s)

    def historical(self, boot_id: UUID, monotonic_s: float, after_s: float) -> bool:
        """Say whether it is late: of another boot, or stored more than `after_s` before `monotonic_s`.

        One that a full disk refused at first counts from then on. The monotonic clock decides, not the
        stamp: a clock that is set right must not make old what is new.
        """
        return self.boot_id != boot_id or monotonic_s - self.stored_monotonic_s > after_s

    def late_payload(self) -> str:
        """Return the payload marked `historical`; it may be of an earlier version, so it is not validated."""
        fields = {**json.loads(self.payload), "historical": True}
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
