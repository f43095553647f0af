"""The same conversations as without TLS."""

from tests.wire.test_keep_alive import *  # noqa: F403
