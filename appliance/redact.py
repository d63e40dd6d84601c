"""Takes what may be a secret out of a text. Pure; rather too much than too little goes.

The last line of defence of logs and of archives for support. Secrets are neither logged nor collected in the
first place: their files are never read. This is for what a person pasted into a configuration, or a library
into a message.
"""

import re
from collections.abc import Mapping
from typing import Final

GONE: Final = "[redacted]"

_NAMES: Final = (
    r"(?:pass(?:word|wd|phrase|code|(?![a-z]))|pwd|secret|token|psk|credentials?"
    r"|(?:api|private|access|auth)[ _-]?key)"
)
_SET: Final = rf"{_NAMES}(?![\w-]{{0,40}}_file\b)[\w-]{{0,40}}[\"'\]]{{0,2}}\s*[:=]"
"""A name of a secret, and that it is set to something; the name of a secret's file is none."""

_PATTERNS: Final = (
    # Keys and certificates (RFC 7468), also one whose end was cut off.
    (re.compile(r"-----BEGIN.*?(?:-----END[^\n]*|\Z)", re.DOTALL), GONE),
    # A value on several lines, in TOML.
    (re.compile(rf"(?i)({_SET}[^\n]{{0,10}}?)(\"\"\"|''')(?s:.*?)(?:\2|\Z)"), rf"\1{GONE}"),
    # Any other value, to the end of the line.
    (re.compile(rf"(?i)({_SET}).*"), rf"\1{GONE}"),
    # HTTP's Authorization.
    (re.compile(r"(?i)\b(bearer|basic|digest)\s.*"), rf"\1 {GONE}"),
    # The password of a user before a host, and all that stands there in a URL.
    (re.compile(r"//\S{0,1024}@"), f"//{GONE}@"),
    (re.compile(r":\S{1,1024}@"), f":{GONE}@"),
    # A line of key material without its frame; digests in hexadecimal are none.
    (re.compile(r"(?<![A-Za-z0-9+/])(?![0-9a-f]+(?![A-Za-z0-9+/=]))[A-Za-z0-9+/]{60,}={0,2}"), GONE),
)


_IS_SET: Final = re.compile(f"(?i){_SET}")


def redact_tree(value: object, name: str = "") -> object:
    """Return what JSON can hold, its texts redacted, and those gone whose `name` is that of a secret."""
    match value:
        case str():
            return GONE if _IS_SET.search(f"{name}:") else redact(value)
        case Mapping():
            return {key: redact_tree(inner, str(key)) for key, inner in value.items()}
        case list() | tuple():
            return [redact_tree(inner, name) for inner in value]
    return value


def redact(text: str) -> str:
    """Return `text` without what looks like a key, a password or a token."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
