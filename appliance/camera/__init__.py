"""Where frames come from: one small protocol, one module per kind of camera."""
