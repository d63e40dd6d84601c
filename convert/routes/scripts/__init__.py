"""What runs inside the converters' environments: each file alone, by the environment's Python.

A file here imports nothing of this project, for the project's own dependencies are not installed there.
"""
