"""Bytes at random into what reads bytes, guided by what the code does with them.

    targets       one function for each reader: any bytes, and what must hold of them

The one invariant: a target fails only by an exception; whatever it is given, it takes
no longer than reading it does.
"""
