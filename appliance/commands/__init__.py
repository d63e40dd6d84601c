"""The commands of `appliance`, one module each: a thin shell around the rooms."""
