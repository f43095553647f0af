"""The benchmark: what it says of figures, and that it runs."""
