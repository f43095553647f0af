"""A model of the promises P1 to P3, and a machine that tries to break them."""
