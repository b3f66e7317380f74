"""Keeping a namespace in step with a source: a folder, or a bucket."""
