"""The same conversations as without TLS."""

from tests.wire.test_expect import *  # noqa: F403
