"""A new system goes to the slot that is not in use, on trial, and stays only if it measures."""
