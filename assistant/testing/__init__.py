"""The project's tests: how they are found and run, and what their failures say. `runner` is the way in."""
