"""How much a generated test tries: a little in the suite, a lot when asked to.

In the suite every run tries the same cases, so that a failure is never a matter of
luck. ``EFFORT=50`` in the environment multiplies their number and makes them new ones
each time; what fails is then kept in ``.hypothesis`` and tried first the next time.
"""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, settings

EFFORT: Final = int(os.environ.get("EFFORT", "0"))
"""How many times the usual number of cases; 0: the usual ones, always the same."""


def effort(examples: int, *, steps: int = 50) -> settings:
    """Settings for a test of `examples` cases in the suite, each of at most `steps`
    steps if it is a machine. A busy machine is no reason to fail."""
    return settings(
        max_examples=examples * max(1, EFFORT),
        stateful_step_count=steps,
        derandomize=not EFFORT,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


settings.register_profile("suite", effort(100))
settings.load_profile("suite")  # what a test has that says nothing else
