"""Certificates and keys in files, as contexts that speak TLS, or why they cannot.

What can be wrong with a file is told in words, with the key of the configuration that
names it, and never with anything that stands in a key. The one invariant: a context is
made anew and whole, so that files which do not fit change nothing that is in use.

Source: RFC 5280 "Validity"; RFC 9325 (recommendations for TLS).
"""

from __future__ import annotations

import ssl
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: keys that are forgotten with the connection, and authenticated
encryption; 1.3 has nothing else."""
_HTTP: Final = ["http/1.1"]


class Unusable(Exception):
    """A file cannot be used; the message names it, its key, and what was expected."""

    def __init__(self, key: str, file: Path, why: str) -> None:
        super().__init__(f"{key}: {file}: {why}")


@dataclass(frozen=True, slots=True)
class Files:
    """What one side of TLS shows, and whom it believes."""

    section: str
    """Where the configuration names them, such as ``tls``."""
    certificate: Path | None
    """None: nothing is shown."""
    key: Path | None
    """None: it is in the file of the certificate."""
    authorities: Path | None = None
    """Whose certificates the other side may show; None: it depends on the side."""
    authorities_key: str = "client_ca"
    """What the configuration calls that file."""
    optional: bool = False
    """Clients may show nothing, too."""

    @property
    def all(self) -> tuple[Path, ...]:
        found = (self.certificate, self.key, self.authorities)
        return tuple(file for file in found if file is not None)


def server_context(files: Files) -> ssl.SSLContext:
    """What we show clients; with `authorities` they have to show something as well,
    unless that is optional. What they do show has to be valid in either case.

    Raises:
        Unusable: by these files there is no TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(_HTTP)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    show(context, files)
    authorities = _authorities(files)
    if authorities is not None:
        context.load_verify_locations(cadata=authorities)
        context.verify_mode = ssl.CERT_OPTIONAL if files.optional else ssl.CERT_REQUIRED
    return context


def client_context(files: Files, *, verify: bool = True) -> ssl.SSLContext:
    """How we ask an origin; without `authorities` we believe those of the system.

    Raises:
        Unusable: by these files there is no TLS.
    """
    context = ssl.create_default_context(cadata=_authorities(files))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_HTTP)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if files.certificate is not None:
        show(context, files)
    return context


def show(context: ssl.SSLContext, files: Files) -> None:
    """Have `context` show the certificate of `files`.

    Raises:
        Unusable: it cannot be used. Then neither can `context` any more.
    """
    assert files.certificate is not None
    certificate_key, key_key = f"{files.section}.certificate", f"{files.section}.key"
    key, named = files.key or files.certificate, files.key is not None
    if "-----BEGIN CERTIFICATE-----" not in _text(certificate_key, files.certificate):
        raise Unusable(
            certificate_key, files.certificate, "expected a certificate in PEM"
        )
    key_key = key_key if named else certificate_key
    if "PRIVATE KEY-----" not in _text(key_key, key):
        expected = "expected a private key in PEM"
        if not named:
            expected += f', since "{files.section}.key" names no other file'
        raise Unusable(key_key, key, expected)

    def no_password() -> NoReturn:
        raise Unusable(
            key_key, key, "expected a key without a password, this one has one"
        )

    try:
        context.load_cert_chain(files.certificate, files.key, no_password)
    except ssl.SSLError as exc:
        if exc.reason == "KEY_VALUES_MISMATCH":
            why = f"expected the key of the certificate in {files.certificate}"
            raise Unusable(key_key, key, why) from exc
        why = f"cannot be used with {key}: {_reason(exc)}"
        raise Unusable(certificate_key, files.certificate, why) from exc


def expires(certificate: Path) -> float:
    """Until when the first certificate of the file is valid, in seconds of Unix time.

    Raises:
        ValueError: it is no certificate.
        OSError: the file cannot be read.
    """
    text = certificate.read_text("ascii", "replace")
    end = "-----END CERTIFICATE-----"
    first, found, _ = text[text.find("-----BEGIN CERTIFICATE-----") :].partition(end)
    return _not_after(ssl.PEM_cert_to_DER_cert(first + found))


def _authorities(files: Files) -> str | None:
    """Certificates in PEM, of which at least one is there; None: no file is named.

    Raises:
        Unusable: the file holds something else.
    """
    file, key = files.authorities, f"{files.section}.{files.authorities_key}"
    if file is None:
        return None
    text = _text(key, file)
    try:
        # In one that is thrown away, so that whoever takes them need not expect this.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as exc:
        raise Unusable(
            key, file, "expected certificates of authorities in PEM"
        ) from exc
    return text


def _text(key: str, file: Path) -> str:
    """Raises Unusable."""
    try:
        if stat.S_ISFIFO(file.stat().st_mode):
            # It is read several times, and the first time could take for ever.
            raise Unusable(key, file, "expected a file, got a pipe")
        return file.read_text("ascii", "replace")
    except OSError as exc:
        raise Unusable(key, file, exc.strerror or str(exc)) from exc


def _reason(exc: ssl.SSLError) -> str:
    return (exc.reason or "no valid PEM").lower().replace("_", " ")


def _not_after(der: bytes) -> float:
    """The end of `validity` in a certificate.

    Of the first elements only the version may be missing, which has a tag of its own.

    Raises:
        ValueError: it is none.
    """
    try:
        inside, _ = _content(_content(der, 0)[0], 0)
        at = 0
        if inside[0] == 0xA0:  # version
            at = _content(inside, at)[1]
        for _ in range(3):  # serial number, algorithm, issuer
            at = _content(inside, at)[1]
        validity, _ = _content(inside, at)
        told = _content(validity, _content(validity, 0)[1])[0].decode("ascii")
    except (IndexError, UnicodeDecodeError) as exc:
        raise ValueError("no certificate") from exc
    if len(told) == len("YYMMDDHHMMSSZ"):
        # RFC 5280 4.1.2.5.1: 50 is 1950, 49 is 2049.
        told = ("19" if told >= "50" else "20") + told
    return datetime.strptime(told, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _content(der: bytes, at: int) -> tuple[bytes, int]:
    """What is in the element that begins at `at`, and where the next one begins.

    Raises:
        IndexError: there is none.
    """
    length, start = der[at + 1], at + 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[at + 2 : start])
    return der[start : start + length], start + length
