"""The ways from ONNX to TFLite; what needs TensorFlow runs as a script in an environment of its own."""
