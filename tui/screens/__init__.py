"""Whole screens: the workspace, the sessions, questions."""
