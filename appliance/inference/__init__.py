"""Networks on the device: which models there are, and whether a file is what it should be."""
