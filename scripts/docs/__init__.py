"""Generates the reference pages from the code and prepares the sources of the documentation site."""
