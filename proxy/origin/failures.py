"""What went wrong with the origin: aiohttp's errors as ours, and in words of RFC 9209.

The family of an ``OriginError`` says what the origin can have seen of the request; its
``Failure`` says what happened, for logs, for `Proxy-Status` and for the status that a
request gets which is passed through. Messages name no target: it may hold a secret.

Source: RFC 9209 "Proxy Error Types".
"""

from __future__ import annotations

import os
import socket
import ssl
from enum import StrEnum
from typing import Final

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientPayloadError,
    ClientResponseError,
    ClientSSLError,
    ConnectionTimeoutError,
)
from aiohttp.http import HttpProcessingError

from proxy.core.errors import OriginCut, OriginError, OriginLost, OriginUnreached

FOREIGN: Final = (ClientError, HttpProcessingError, TimeoutError, OSError)
"""What aiohttp's client raises, whatever went wrong on the way."""


class OnlyOnceError(ClientError):
    """Stands for its cause, for which aiohttp would send the request again: a
    connection ended without an answer."""


class Failure(StrEnum):
    """Error types of RFC 9209, as far as they can happen here."""

    DNS_ERROR = "dns_error"
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_TIMEOUT = "connection_timeout"
    CONNECTION_TERMINATED = "connection_terminated"
    TLS_CERTIFICATE_ERROR = "tls_certificate_error"
    TLS_PROTOCOL_ERROR = "tls_protocol_error"
    HTTP_PROTOCOL_ERROR = "http_protocol_error"
    HTTP_RESPONSE_INCOMPLETE = "http_response_incomplete"
    HTTP_RESPONSE_TIMEOUT = "http_response_timeout"

    @property
    def status(self) -> int:
        """The status of a response about it: a late origin is 504, a bad one 502."""
        late = (Failure.CONNECTION_TIMEOUT, Failure.HTTP_RESPONSE_TIMEOUT)
        return 504 if self in late else 502


class NotConnectedError(Exception):
    """No connection came about; says why in its own words."""

    def __init__(self, failure: Failure, said: str) -> None:
        """`said`: by the system; empty when that adds nothing."""
        super().__init__(f"{failure.value}: {said}" if said else failure.value)
        self.failure = failure


def failed(exc: BaseException, *, all_left: bool) -> OriginError:
    """The error for `exc`, which ended an exchange before an answer came.

    `all_left`: the kernel had taken the whole request.
    """
    cause = _unwrapped(exc)
    text = _text(cause)
    if isinstance(cause, (ClientConnectorError, ConnectionTimeoutError)):
        return OriginUnreached(text)
    return OriginLost(text) if all_left else OriginCut(text)


def broken_off(exc: BaseException) -> OriginError:
    """The error for `exc`, which ended an answer in the middle of its content."""
    return OriginError(_text(exc))


def failure_of(error: OriginError) -> Failure:
    """What happened, for an error that was raised in this room."""
    cause = error.__cause__
    return Failure.HTTP_PROTOCOL_ERROR if cause is None else _failure(_unwrapped(cause))


def _failure(exc: BaseException) -> Failure:
    match exc:
        case NotConnectedError():
            return exc.failure
        case ClientConnectorDNSError():
            return Failure.DNS_ERROR
        case ClientConnectorCertificateError():
            return Failure.TLS_CERTIFICATE_ERROR
        case ClientSSLError():
            return Failure.TLS_PROTOCOL_ERROR
        case ClientConnectorError():
            return Failure.CONNECTION_REFUSED
        case ConnectionTimeoutError():
            return Failure.CONNECTION_TIMEOUT
        case TimeoutError():
            return Failure.HTTP_RESPONSE_TIMEOUT
        case ClientPayloadError():
            return Failure.HTTP_RESPONSE_INCOMPLETE
        case ClientResponseError() | HttpProcessingError() | ValueError():
            return Failure.HTTP_PROTOCOL_ERROR
        case _:
            return Failure.CONNECTION_TERMINATED


def _text(exc: BaseException) -> str:
    text, words = _failure(exc).value, ""
    match exc:
        case ClientConnectorCertificateError():
            words = _certificate(exc.certificate_error)
        case ClientConnectorError():
            words = said(exc.os_error)
        case OSError():
            words = said(exc)
    return f"{text}: {words}" if words else text


def _certificate(exc: Exception) -> str:
    return said(exc) if isinstance(exc, OSError) else ""


def said(exc: OSError) -> str:
    """What the system or the library says it was; empty when that is nothing new."""
    match exc:
        case ssl.SSLError():  # its number is none of the system's
            return exc.reason or ""
        case socket.gaierror():
            return exc.strerror or ""
        case _:
            return os.strerror(exc.errno) if exc.errno else ""


def _unwrapped(exc: BaseException) -> BaseException:
    if isinstance(exc, OnlyOnceError) and exc.__cause__ is not None:
        return exc.__cause__
    return exc
