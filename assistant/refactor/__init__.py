"""Refactoring across the repository: rename, move, change of a signature with its callers."""
