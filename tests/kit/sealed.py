"""Certificates for tests: an authority of the test run, and what it vouches for.

Made once, since a key takes its time. The one invariant: nothing here is valid beyond
the machine.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import trustme

NAMES = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Pair:
    """Files as the configuration names them."""

    certificate: Path
    key: Path

    @property
    def settings(self) -> dict[str, str]:
        return {"certificate": str(self.certificate), "key": str(self.key)}

    def write(self, leaf: trustme.LeafCert) -> None:
        """Another certificate in their place, as programs that renew them do it."""
        for file, pems in (
            (self.key, [leaf.private_key_pem]),
            (self.certificate, leaf.cert_chain_pems),
        ):
            new = file.with_suffix(".new")
            new.write_bytes(b"".join(pem.bytes() for pem in pems))
            new.replace(file)


@cache
def authority() -> trustme.CA:
    return trustme.CA()


@cache
def standard_leaf() -> trustme.LeafCert:
    return authority().issue_cert(*NAMES)


def leaf(expires: datetime | None = None) -> trustme.LeafCert:
    """A new certificate for this machine."""
    return authority().issue_cert(
        *NAMES,
        not_before=None if expires is None else datetime(2020, 1, 1, tzinfo=UTC),
        not_after=expires,
    )


def pair_in(directory: Path, made: trustme.LeafCert | None = None) -> Pair:
    """Files in `directory`, of the certificate that all tests share or of `made`."""
    pair = Pair(directory / "server.pem", directory / "server.key")
    pair.write(made or standard_leaf())
    return pair


@cache
def trusting(own: trustme.LeafCert | None = None) -> ssl.SSLContext:
    """A client that believes the authority, and shows `own` when it is asked."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    if own is not None:
        own.configure_cert(context)
    return context
