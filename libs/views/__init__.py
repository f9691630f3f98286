"""Redis: the atomic write of a partition's batch, the entities a fold asks for, and reading back."""
