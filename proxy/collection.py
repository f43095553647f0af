"""What the garbage collector need not look at: all that stays until the end.

A full collection of a process that has just started looks through some 65,000 objects,
none of which goes, and holds up every request for 20 ms.
"""

from __future__ import annotations

import gc


def started() -> None:
    """What is here now stays until the process ends."""
    gc.collect()
    gc.freeze()
