"""Event streams: what has changed, for each subscriber with the rights of its caller.

Database triggers (`tell_change`) announce that something changed, but not to whom. Each stream reads what its
caller may know of it with statements that carry the caller's rights, and checks the login on every read.
"""
