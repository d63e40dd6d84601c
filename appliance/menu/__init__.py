"""What the canteen serves when: which meal a tray belongs to, and what its full serving looks like."""
