"""The guided way to make a failing test pass: `search` leads; places, candidates and their parts are the rest."""
