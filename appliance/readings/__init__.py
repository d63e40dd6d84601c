"""What the appliance says about a tray, and the store that never loses it."""
