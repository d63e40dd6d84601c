"""The SD card: what is made, written and brought up to date on a maintainer's machine."""
