"""An origin that cannot be asked, or gives no answer: which problem the client gets."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from tests.kit.backlog import full_port
from tests.kit.origin import RecordingOrigin, Reply, Reset, Silence
from tests.kit.raw import Connection, Response, request

from .conftest import (
    Between,
    RunRelay,
    Settings,
    answering,
    read_request,
    serving,
)


async def _asked(between: Between, said: bytes = request("GET", "/")) -> Response:
    client = await Connection.open(between.address)
    await client.send(said)
    answer = await client.hear("GET")
    await client.close()
    return answer


def _is_problem(answer: Response, status: int, error: str) -> None:
    assert answer.status == status
    assert answer.one("content-type") == "application/problem+json"
    assert answer.one("proxy-status") == f"test-proxy; error={error}"
    problem = json.loads(answer.content)
    kind = error.replace("_", "-")
    assert problem["type"] == f"urn:resumable-upload-proxy:problem:{kind}"
    assert problem["status"] == status
    assert "127.0.0.1" not in answer.content.decode()


async def test_refused(run_relay: RunRelay) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        between = await run_relay(f"http://127.0.0.1:{unused.getsockname()[1]}")
        _is_problem(await _asked(between), 502, "connection_refused")


async def test_no_such_unix_socket(run_relay: RunRelay, tmp_path: Path) -> None:
    between = await run_relay(f"unix:{tmp_path}/none.sock")
    _is_problem(await _asked(between), 502, "connection_refused")


async def test_unknown_host(run_relay: RunRelay) -> None:
    between = await run_relay("http://no-such-host.invalid:80")
    _is_problem(await _asked(between), 502, "dns_error")


async def test_connecting_takes_too_long(run_relay: RunRelay) -> None:
    with full_port() as port:
        url = f"http://127.0.0.1:{port}"
        between = await run_relay(url, Settings(connect_timeout_s=0.2))
        _is_problem(await _asked(between), 504, "connection_timeout")


async def test_a_certificate_nobody_trusts(run_relay: RunRelay) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with serving(answering(b""), tls=context) as url:
        between = await run_relay(url)
        _is_problem(await _asked(between), 502, "tls_certificate_error")


async def test_no_tls_where_tls_is_expected(run_relay: RunRelay) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(serve) as url:
        between = await run_relay(url.replace("http:", "https:"))
        _is_problem(await _asked(between), 502, "tls_protocol_error")


@pytest.mark.parametrize("behaviour", [Silence(), Reply(200, once=asyncio.Event())])
async def test_no_answer_in_time(
    run_relay: RunRelay, origin: RecordingOrigin, behaviour: Silence | Reply
) -> None:
    between = await run_relay(origin.address, Settings(response_timeout_s=0.2))
    origin.then(behaviour)
    _is_problem(await _asked(between), 504, "http_response_timeout")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200"])
async def test_the_connection_ends_instead_of_an_answer(
    run_relay: RunRelay, said: bytes
) -> None:
    async with serving(answering(said)) as url:
        between = await run_relay(url)
        answer = await _asked(between, request("POST", "/"))
        assert answer.status == 502


async def test_the_origin_resets(run_relay: RunRelay, origin: RecordingOrigin) -> None:
    between = await run_relay(origin.address)
    origin.then(Reset())
    answer = await _asked(between, request("POST", "/"))
    _is_problem(answer, 502, "connection_terminated")


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n",
    ],
)
async def test_an_answer_that_is_none(run_relay: RunRelay, said: bytes) -> None:
    async with serving(answering(said)) as url:
        between = await run_relay(url)
        _is_problem(
            await _asked(between, request("POST", "/")), 502, "http_protocol_error"
        )


@pytest.mark.parametrize("status", [b"000", b"099", b"101"])
@pytest.mark.parametrize(
    ("method", "content"), [("GET", b""), ("POST", b""), ("POST", b"abc")]
)
async def test_a_status_that_is_no_final_answer(
    run_relay: RunRelay, status: bytes, method: str, content: bytes
) -> None:
    """A client that never asked for an upgrade would read on for the answer."""
    said = b"HTTP/1.1 %b Odd\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nabc" % status
    length = (("Content-Length", str(len(content))),) if content else ()
    async with serving(answering(said)) as url:
        between = await run_relay(url)
        asked = request(method, "/", *length) + content
        _is_problem(await _asked(between, asked), 502, "http_protocol_error")


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("PUT", 2), ("POST", 1)])
async def test_only_an_idempotent_request_without_content_is_sent_again(
    run_relay: RunRelay, origin: RecordingOrigin, method: str, times: int
) -> None:
    between = await run_relay(origin.address)
    origin.then(Reset(), Reset(), Reset())
    answer = await _asked(between, request(method, "/"))
    assert answer.status == 502
    assert len(origin.requests) == times


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "GET"])
async def test_a_request_with_content_is_not_sent_again_from_a_fresh_connection(
    run_relay: RunRelay, origin: RecordingOrigin, method: str
) -> None:
    between = await run_relay(origin.address)
    origin.then(Reset(), Reset())
    said = request(method, "/", ("Content-Length", "3")) + b"abc"
    assert (await _asked(between, said)).status == 502
    assert len(origin.requests) == 1


async def test_a_stale_connection_costs_an_idempotent_request_nothing(
    run_relay: RunRelay,
) -> None:
    """The origin closes after each answer, without having said so."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(head)) as url:
        between = await run_relay(url)
        client = await between.connect()
        for method in ("GET", "POST", "DELETE", "GET", "POST"):
            await client.send(request(method, "/"))
            assert (await client.hear(method)).status == 200
        await client.close()


async def test_what_is_sent_again_meets_no_other_old_connection(
    run_relay: RunRelay,
) -> None:
    """An origin that goes away ends all of its connections, just as requests come."""
    came = [asyncio.Event(), asyncio.Event()]
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        number, connections = connections, connections + 1
        await read_request(reader)
        if number < len(came):
            came[number].set()
            await came[-1].wait()  # so that there are two
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await read_request(reader)

    async with serving(serve) as url:
        between = await run_relay(url)
        clients = [await between.connect() for _ in came]
        for client in clients:
            await client.send(request("GET", "/"))
        for client in clients:
            assert (await client.hear("GET")).status == 200
        await clients[0].send(request("DELETE", "/"))
        assert (await clients[0].hear("DELETE")).status == 200
        for client in clients:
            await client.close()
    assert connections == len(came) + 1


async def test_a_head_request_gets_no_problem_document(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    origin.then(Reset(), Reset())
    client = await between.connect()
    await client.send(request("HEAD", "/"))
    assert (await client.hear("HEAD")).status == 502
    await client.send(request("GET", "/"))
    assert (await client.hear("GET")).content == b"stored"
    await client.close()
