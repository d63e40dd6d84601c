"""A record as text, without secrets; what a handler writes goes through here."""

import logging

from appliance.redact import redact


def message_of(record: logging.LogRecord) -> str:
    """Return what a record says."""
    return redact(record.getMessage())


def trace_of(record: logging.LogRecord) -> str | None:
    """Return the exception and the stack that a record carries; None without."""
    parts = []
    if record.exc_info and record.exc_info[0] is not None:
        parts.append(logging.Formatter().formatException(record.exc_info))
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return redact("\n".join(parts)) if parts else None


class TextFormatter(logging.Formatter):
    """One line per record, as people read it; an exception follows."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text."""
        line = f"{record.levelname} {record.name}: {message_of(record)}"
        trace = trace_of(record)
        return line if trace is None else f"{line}\n{trace}"
