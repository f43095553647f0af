"""Requests that are no uploads, on real sockets: what each side gets of the other."""
