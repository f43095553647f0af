"""Conversations on real sockets: what clients say and hear, what the origin got."""
