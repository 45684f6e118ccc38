"""What a person sees: the Textual window and the command line. Knows nothing of tokens."""
