"""What an upload is and what may happen to it: values and pure functions.

Nothing here awaits, reads a clock, draws randomness, opens a file or logs. Time comes
in as ``now``, seconds of the lifetime clock. The I/O rooms above ask these functions
what to do and then do it; every rule of the protocol that is the same in all its
versions is decided here, the wording of each version in ``proxy.dialects``.
"""
