"""A small book of pocket money."""
