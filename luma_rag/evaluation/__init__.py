"""How good retrieval is: questions with known places, runs over them, and measures with their uncertainty."""
