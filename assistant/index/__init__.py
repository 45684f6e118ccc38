"""The repository as an index: what its files define, use and say, and which of them a prompt is about."""
