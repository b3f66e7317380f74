"""Finding the passages that matter: the search statement and what is made of it."""
