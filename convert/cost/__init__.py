"""What a model costs on the device: size, operations, memory, time."""
