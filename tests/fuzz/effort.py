"""How long the fuzz tests look: a little by default, as long as JANBAN_FUZZ_EXAMPLES says otherwise."""

import os

from hypothesis import settings

EXAMPLES = int(os.environ.get("JANBAN_FUZZ_EXAMPLES", "0"))
"""Of every test; 0 for what each takes by default."""


def effort(examples: int) -> settings:
    return settings(max_examples=EXAMPLES or examples)
