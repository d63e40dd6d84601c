"""Training of both networks on synthetic trays: reproducible by seed, resumable at any step."""
