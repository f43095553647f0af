"""The same conversations as without TLS."""

from tests.wire.test_cuts import *  # noqa: F403
