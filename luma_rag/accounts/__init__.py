"""Accounts, and the ways in: passwords, browser sessions, and tokens for programs."""
