"""The same conversations as without TLS."""

from tests.wire.test_slow_heads import *  # noqa: F403
