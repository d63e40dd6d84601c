"""Commands from afar: signed by operators, checked, done once, answered."""
