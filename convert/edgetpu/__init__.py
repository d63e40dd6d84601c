"""What the Edge TPU compiler will map, running it, and reading what it said."""
