"""Small repositories to try ossa on; `ossa demo` copies one to a temporary folder."""
