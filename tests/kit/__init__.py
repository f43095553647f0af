"""What conversations are held with: a client, an origin, the proxy as a process.

Everything here speaks over real sockets and knows the protocol by itself; nothing is
taken from ``proxy.dialects``, so that a test never checks the code with itself. Every
wait has a bound.
"""
