"""The same system as an update: signed, for boxes that run already."""
