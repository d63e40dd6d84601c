"""How the box is: readers of the kernel's files, the drift of latency, the health message, its metrics."""
