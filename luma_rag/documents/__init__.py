"""Documents: stored files, what was read from them, and their way into namespaces."""
