"""From decided hunks to files in the working tree, in one step that a kill cannot halve and undo takes back."""
