"""What ossa thinks with: local language models. Torch lives only in this package."""
