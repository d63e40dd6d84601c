"""The running appliance: the way of a tray, the loop, its supervision."""
