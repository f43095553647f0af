"""Addresses to listen on: written, read, and written again the same."""

from __future__ import annotations

import re

import pytest

from proxy.addresses import (
    Address,
    Descriptor,
    NamedDescriptors,
    TcpAddress,
    UnixAddress,
    parse_address,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", TcpAddress("127.0.0.1", 8080)),
        ("0.0.0.0:0", TcpAddress("0.0.0.0", 0)),
        ("localhost:65535", TcpAddress("localhost", 65535)),
        ("[::]:8080", TcpAddress("::", 8080)),
        ("[::1]:8080", TcpAddress("::1", 8080)),
        ("[fe80::1%eth0]:80", TcpAddress("fe80::1%eth0", 80)),
        ("unix:/run/upload-proxy.sock", UnixAddress("/run/upload-proxy.sock")),
        ("fd:3", Descriptor(3)),
        ("fd:web", NamedDescriptors("web")),
        ("fd:upload-proxy.socket", NamedDescriptors("upload-proxy.socket")),
    ],
)
def test_what_is_written_is_read_and_written_the_same(
    text: str, address: Address
) -> None:
    assert parse_address(text) == address
    assert str(address) == text


def test_an_ipv6_address_gets_its_shortest_form() -> None:
    assert str(parse_address("[0:0::0001]:80")) == "[::1]:80"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it needs a host and a port"),
        ("localhost", "it needs a host and a port"),
        ("*", "it needs a host and a port"),
        ("8080", 'write "127.0.0.1:8080" for this machine only'),
        (":8080", '"0.0.0.0:8080" for every interface'),
        ("*:8080", '"0.0.0.0:8080" for every interface'),
        ("http://127.0.0.1:8080", "no scheme and no path"),
        ("a:b", 'a number from 0 to 65535, not "b"'),
        ("a:65536", 'a number from 0 to 65535, not "65536"'),
        ("a:", "a number from 0 to 65535"),
        ("a:٣", "a number from 0 to 65535"),
        ("::1:8080", "an IPv6 address stands in brackets"),
        ("[::x]:80", "[::x] is no IPv6 address"),
        ("a b:80", '"a b" is no host'),
        ("-a:80", '"-a" is no host'),
        ("fd:2", "after fd: comes a number from 3 on"),
        ("fd:-x", "after fd: comes a number from 3 on or a name"),
        ("unix:", "the absolute path of a socket"),
        ("unix:run/x", "the absolute path of a socket"),
        ("unix:/run/", "the absolute path of a socket"),
        ("unix://run/x", 'write "unix:/run/x", with one slash'),
        ("unix:/" + "a" * 107, "at most 107 bytes, this one has 108"),
    ],
)
def test_what_is_no_address_is_refused_in_a_few_words(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        parse_address(text)
