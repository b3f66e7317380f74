"""Clients for large language models."""
