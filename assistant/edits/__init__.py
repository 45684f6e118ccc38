"""From what a model wrote to new contents of files: `engine` parses, locates, fits and checks; all of it or nothing."""
