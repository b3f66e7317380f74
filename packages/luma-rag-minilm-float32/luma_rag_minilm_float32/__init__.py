"""all-MiniLM-L6-v2 in float32 for Luma: the file beside this one."""
