"""Measurements of the appliance's accuracy on data with known truth; not installed with it."""
