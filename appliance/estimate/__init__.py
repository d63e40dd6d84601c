"""Pure functions from rectified pictures to leftover estimates per compartment."""
