"""Conversations over TLS: those of ``tests/wire`` again, and what is special to it."""
