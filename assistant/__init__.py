"""What ossa does: reads the repository, drafts changes, proves them by tests. Knows nothing of screens."""
