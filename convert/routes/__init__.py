"""From ONNX to TFLite by converters that live in environments of their own."""

from convert.routes.onnx_to_tflite import Converted, convert_onnx
from convert.routes.route import DEFAULT_ROUTE, ROUTES
from convert.routes.saved_model import saved_model_stage

__all__ = ["DEFAULT_ROUTE", "ROUTES", "Converted", "convert_onnx", "saved_model_stage"]
