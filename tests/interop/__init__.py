"""Real clients before the proxy, real origins behind it, none of them changed for it.

What a machine lacks (npm packages, nginx, curl) makes its tests NOT RUN, never passed;
``tests/prepare`` brings it where that is possible. Every server here listens on a port
of 127.0.0.1 that it was handed open, and is stopped by its process id.
"""
