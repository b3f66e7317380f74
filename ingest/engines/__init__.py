"""Engines that process many sources."""
