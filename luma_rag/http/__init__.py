"""The HTTP service. A handler parses, calls one service function and shapes the answer."""
