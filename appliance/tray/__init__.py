"""Geometry of a tray: layout, locating, rectifying, calibration."""
