"""The soak: the whole appliance, a simulated line, and faults on purpose: `python -m benchmarks.soak -h`."""
