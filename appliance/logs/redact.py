"""The last line of defence: what looks like a secret does not get into a log.

Nothing here logs secrets on purpose. But a library's message or an exception's text may hold one.
"""

import re

_GONE = "[redacted]"

_PATTERNS = (
    # Keys and certificates (RFC 7468), also one whose end was cut off.
    (re.compile(r"-----BEGIN [^-]*-----.*?(?:-----END [^-]*-----|\Z)", re.DOTALL), _GONE),
    # What a password is assigned to, in TOML, JSON, a URL's query or Python's repr.
    (
        re.compile(
            r"(?i)\b((?:\w*[_-])?(?:password|passwd|passphrase|secret|token|psk|api[_-]?key|private[_-]?key)"
            r"[\"']?\s*[:=]\s*)(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|b'(?:[^'\\]|\\.)*'|[^\s,;&)}\]]+)"
        ),
        rf"\1{_GONE}",
    ),
    # An HTTP header.
    (re.compile(r"(?i)\b(authorization\s*:\s*)[^\r\n]+"), rf"\1{_GONE}"),
    # The password of a URL.
    (re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]{0,20}://[^\s:/@]*:)[^\s@/]+(?=@)"), rf"\1{_GONE}"),
    # Key material without its frame: longer than any hash that a message needs.
    (re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/]{100,}={0,2}"), _GONE),
)


def redacted(text: str) -> str:
    """Return `text` without what looks like a password, a token or a key."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
