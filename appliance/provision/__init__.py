"""How a box gets its identity: once, from a file on the boot partition, which is wiped afterwards."""
