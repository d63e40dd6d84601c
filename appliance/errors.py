"""The errors that a caller can act on; each message is one clear line: what, where, what to do."""

LONGEST_MESSAGE = 1000
"""Characters; names and keys out of a hostile file may be as long as the file."""


def printable(text: str) -> str:
    """Return a text as one line: line ends, controls of terminals and the like are written as escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class JanbanError(Exception):
    """Base of every error meant for people; the command line prints it as one line and exits non-zero.

    Names out of files get into messages, so what cannot be printed is escaped, and what is too long loses its
    middle: a message is always one line, whatever a file says.
    """

    def __init__(self, message: str) -> None:
        line = printable(message)
        if len(line) > LONGEST_MESSAGE:
            half = LONGEST_MESSAGE // 2
            line = f"{line[: half - 1]}…{line[-half:]}"
        super().__init__(line)


class ConfigError(JanbanError):
    """A setting is missing, unknown or out of range; the message names its key and the allowed range."""


class PictureError(JanbanError):
    """A file is not a picture that can be measured (truncated, too small, too large, not an image)."""


class CameraError(JanbanError):
    """A camera is not installed, not connected, or stopped giving frames."""


class CalibrationError(JanbanError):
    """A reference picture is unusable, or a calibration folder is incomplete or edited."""


class LabelsError(JanbanError):
    """A file of labels is missing, damaged, or contradicts itself or the calibration."""


class TrayNotFoundError(JanbanError):
    """No tray of the calibrated kind can be located in a picture; the message says why."""


class StoreError(JanbanError):
    """The store of readings cannot be opened or written."""


class PublishError(JanbanError):
    """The broker's address, certificate or credentials cannot work as configured."""


class ModelError(JanbanError):
    """A network's manifest or file is missing, damaged, or not what the manifest says."""


class InferenceError(JanbanError):
    """A network gave no answer; the tray in hand is measured without it."""


class NoDeviceError(InferenceError):
    """The Edge TPU, its driver or a runtime is absent; what runs on the processor may still do."""


class WrongModelError(InferenceError):
    """A model is not what the manifest says, or cannot run on this device; no retry mends it."""


class BrokenRunError(InferenceError):
    """A model that ran before crashed, hung, ran out of time or answered nonsense; a retry may mend it."""


class ParityError(InferenceError):
    """Networks run, but answer a known picture otherwise than on the workstation; a reset may mend it."""


class CommandError(JanbanError):
    """A command could not be given, or not be done; the message says why."""


class ProvisionError(JanbanError):
    """A provision file or a certificate cannot be adopted; the message says what to correct in it."""


class UpdateError(JanbanError):
    """A new system cannot be installed, tried or kept; the message says why."""


class MenuError(JanbanError):
    """A menu cannot be read, or is not for this box; the message says what to correct in it."""
