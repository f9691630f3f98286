"""The public contract as code: messages, names and the partition of a key. Imports pydantic only."""
