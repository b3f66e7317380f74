"""A turn of a chat: retrieve, prompt, answer, cite."""
