"""Fitting how the appliance joins its estimates, to trays of known truth."""
