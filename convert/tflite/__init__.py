"""TFLite files as graphs: read without trust, and without an interpreter."""
