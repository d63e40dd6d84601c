"""What is updated apart from the system: networks and menus, each on trial before it is kept."""
