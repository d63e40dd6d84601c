"""Janban's workshop: PyTorch models become models that the device can run. Runs on a workstation, offline."""
