"""What is promised when something breaks: the proxy, the origin, the client."""
