"""What is said where watching begins and ends."""

WATCHING = "Files are watched: a saved comment that ends in AI! asks for a change, one that ends in AI? for an answer."
WATCHED = "Files are not watched: comments in them ask nothing."
