"""The chat page: HTML, CSS and ES modules, served as they are, with no build step."""
