"""USB devices that do not answer any more: where they are, and what brings them back without a hand."""
