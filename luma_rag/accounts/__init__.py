"""Accounts and authentication: passwords, browser sessions, tokens and OpenID."""
