"""The same conversations as without TLS."""

from tests.wire.test_takeover import *  # noqa: F403
