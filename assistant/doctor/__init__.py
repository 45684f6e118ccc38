"""`ossa doctor`: which isolation is in force, whether it holds when it is tried, and that ossa opens no socket."""
