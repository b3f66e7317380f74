"""Retrieval evaluation: questions with known answers, runs, and metrics with confidence intervals."""
