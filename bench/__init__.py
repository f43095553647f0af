"""Measurements of the proxy, each a command of its own.

Nothing here is part of the installed package. What measures shares the conversation
kit of the tests (``tests.kit``): raw sockets, processes to be killed, an origin that
writes down. The one invariant: a figure comes with the command that made it.
"""
