"""Checks whether a box can do its work, and says in a sentence what to do where it cannot."""
