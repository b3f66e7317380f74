"""Access to large language models."""
