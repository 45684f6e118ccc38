"""The kinds of draft and what confines them: `opening` takes the best that the machine allows."""
