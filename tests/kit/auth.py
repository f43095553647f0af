"""An auth server that knows some people by their `Authorization`, and writes down who
asked what."""

from __future__ import annotations

from .origin import Behaviour, RecordingOrigin, Reply, Request
from .raw import Lines

ALICE: Lines = (("Authorization", "Bearer alice-1"),)
ALICE_LATER: Lines = (("Authorization", "Bearer alice-2"),)
BOB: Lines = (("Authorization", "Bearer bob-1"),)
CHALLENGE = 'Bearer realm="files"'
REFUSED = b"who are you?"
_READS = ("HEAD", "GET", "OPTIONS")


class AuthServer(RecordingOrigin):
    """Lets through whom it knows, and tells who that is in `X-Auth-User`."""

    def __init__(self) -> None:
        super().__init__()
        self.known = {"Bearer alice-1": "alice", "Bearer bob-1": "bob"}
        self.writes = True
        """Whoever is known may do more than read."""
        self.closed: set[str] = set()
        """Targets that nobody may have anything of."""

    def choose(self, request: Request) -> Behaviour:
        """What was told it to do, else by whom it knows."""
        if self.will:
            return self.will.popleft()
        user = self.known.get(request.one("authorization") or "")
        if user is None or request.one("x-forwarded-uri") in self.closed:
            return Reply(
                401,
                (("WWW-Authenticate", CHALLENGE), ("Content-Type", "text/plain")),
                REFUSED,
            )
        if not self.writes and request.one("x-forwarded-method") not in _READS:
            return Reply(403, (), b"you may only read")
        return Reply(200, (("X-Auth-User", user),), b"yes")
