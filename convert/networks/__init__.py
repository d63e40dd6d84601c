"""The networks, in PyTorch, with state dicts compatible with the public checkpoints."""
