"""Talking to large language models."""
