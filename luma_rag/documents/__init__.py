"""Documents: stored files, parsed text, and ingestion into namespaces."""
