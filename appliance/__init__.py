"""Janban's firmware: one tray in, one reading out."""

__version__ = "0.1.0"
