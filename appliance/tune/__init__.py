"""Experiments: better settings for a site, searched for on pictures whose leftovers people told."""
