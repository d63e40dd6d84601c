"""A tray return line that exists only in pictures: trays, dishes, hands, lamps, and what they do."""
