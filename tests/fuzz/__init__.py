"""Bytes that no client would send, and what must not come of them."""
