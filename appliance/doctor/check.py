"""One answer of the doctor."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One answer: `found` says what is there, `advice` what to do about it; it is empty where all is well."""

    name: str
    state: State
    found: str
    advice: str = ""

    def as_json(self) -> str:
        """Return the check as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def as_text(self) -> str:
        """Return the check as one line for people, with the advice on a second one."""
        return f"{self.state:4}  {self.name:11}  {self.found}" + (
            f"\n      → {self.advice}" if self.advice else ""
        )


def exit_status(checks: Iterable[Check]) -> int:
    """Return 1 if anything failed, else 0."""
    return int(any(check.state == "fail" for check in checks))
