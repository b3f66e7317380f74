"""The HTTP service. A handler parses the request, calls one service function and formats the response."""
