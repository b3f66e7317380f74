"""all-MiniLM-L6-v2 for Luma: the files beside this one."""
