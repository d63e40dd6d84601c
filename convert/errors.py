"""The errors that a maintainer can act on; each message is one clear line: what, where, what to do."""

from appliance.errors import JanbanError


class ConvertError(JanbanError):
    """Base of the workshop's errors; the command line prints it as one line and exits non-zero."""


class CheckpointError(ConvertError):
    """A checkpoint cannot be read, or its keys or shapes are not the network's."""


class ModelFileError(ConvertError):
    """A .tflite or .onnx file is cut off, of another format, or not of the kind that was asked for."""


class ToolError(ConvertError):
    """A converter, compiler or its environment is absent, cannot be built, or failed."""


class GateError(ConvertError):
    """A model lost more than its gates allow, and is not shipped."""
