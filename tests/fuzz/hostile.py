"""Values that break readers: as fragments of TOML and JSON, and as damage to bytes."""

import json
from typing import Any

from hypothesis import strategies as st

TEXTS = [
    *("", " ", "a\0b", "two\nlines", "\r", "\x1b[31mred", "\x7f", "\x85", "\u2028", "\u202ederrab", "\ufeff"),
    *(
        "../../../etc/passwd",
        "/etc/passwd",
        "/dev/zero",
        "..",
        ".",
        "a/../../b",
        "CON",
        "%s%n",
        "{0.__class__}",
    ),
    *("밥", "e\u0301", "😀", "\U0010ffff", "x" * 5000, "../" * 2000, "NaN", "1883", "true"),
]

_NUMBERS = [
    *("0", "-1", "1", "99", "1e308", "-1e308", "5e-324", "0.1", "65536", "2147483648", "9223372036854775808"),
    *("1" + "0" * 400, "9" * 5000, "-" + "9" * 5000),
]
_NESTED = [opening * depth + closing * depth for opening, closing in ("[]",) for depth in (1, 90, 150, 5000)]


def toml_text(text: str) -> str:
    """A TOML basic string, all but plain characters as escapes."""
    return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in text) + '"'


def toml_value(value: Any) -> str:  # noqa: ANN401
    """A value as TOML, tables inline."""
    match value:
        case str():
            return toml_text(value)
        case bool():
            return str(value).lower()
        case dict():
            return (
                "{" + ", ".join(f"{toml_text(key)} = {toml_value(one)}" for key, one in value.items()) + "}"
            )
        case list() | tuple():
            return "[" + ", ".join(map(toml_value, value)) + "]"
    return repr(value)


_text = st.sampled_from(TEXTS) | st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
_plain = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=2),
    max_leaves=6,
)

toml_fragments: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(_NUMBERS + _NESTED),
    st.sampled_from(
        [
            *("nan", "-nan", "inf", "-inf", "1e999", "0x" + "f" * 5000, "0o7", "0b1", "true", "{}", "1_000"),
            *("1979-05-27", "0001-01-01T00:00:00+23:59", "07:32:00", "{a = " * 60 + "1" + "}" * 60),
            *("[" + "0," * 20_000 + "]", ".".join("a" * 300) + " = 1", "'''" + "x" * 3000 + "'''"),
        ]
    ),
    _plain.map(toml_value),
)
"""What stands right of an "=", or pretends to."""

json_fragments: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(_NUMBERS + _NESTED),
    st.sampled_from(
        [
            *("NaN", "Infinity", "-Infinity", "1e999", "-0.0", "01", "1.", "null", "true", "{}", '""'),
            *(r'"\ud800"', r'"\udc00\ud800"', '{"a": 1, "a": 2}', '{"a":' * 300 + "1" + "}" * 300),
            "[" + "0," * 20_000 + "0]",
        ]
    ),
    _plain.map(json.dumps),
    _text.map(json.dumps),
)
"""What stands for a value, or pretends to."""


def places(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place of a document, the outermost first."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


@st.composite
def edited(draw: st.DrawFn, document: dict[str, Any]) -> str:
    """The text of a JSON document with up to three values replaced, doubled, renamed or taken out."""
    text = json.dumps(document)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        text = _edit(draw, text)
    return text


def _edit(draw: st.DrawFn, text: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not (found := places(document)[1:]):
        return text
    *outer, last = draw(st.sampled_from(found))
    node: Any = document
    for key in outer:
        node = node[key]
    match draw(st.sampled_from(["replace", "replace", "replace", "double", "rename", "remove"])):
        case "double" if isinstance(node, list):
            node.append(node[last])
        case "rename" if isinstance(node, dict):
            node[draw(_text)] = node.pop(last)
        case "remove":
            del node[last]
        case _:
            node[last] = "@here@"
            return json.dumps(document).replace('"@here@"', draw(json_fragments))
    return json.dumps(document)


@st.composite
def damaged(draw: st.DrawFn, *samples: bytes) -> bytes:
    """A valid sample after bits flipped, bytes written over, put in, cut out, cut off, or a splice of two."""
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["flip", "write", "insert", "cut out", "cut off", "repeat", "splice"])):
            case "flip" if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "write":
                over = draw(st.sampled_from([b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80", b"\n"]))
                data[at : at + len(over)] = over
            case "insert":
                data[at:at] = draw(st.binary(max_size=8))
            case "cut out":
                del data[at : at + draw(st.integers(1, 64))]
            case "cut off":
                del data[at:]
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 64))]
            case "splice":
                other = draw(st.sampled_from(samples))
                data[at:] = other[draw(st.integers(0, len(other))) :]
    return bytes(data)
