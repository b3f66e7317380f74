"""Ways to process many sources."""
