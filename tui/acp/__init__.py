"""`ossa acp`: ossa inside other editors, by the Agent Client Protocol."""
