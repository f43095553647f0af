"""The uploads page over HTTP: its files, what it shows, what can be done there.

What is told and done is the ``Watcher``'s; who may ask is said by ``guards``, before
anything else. The one invariant: whatever is answered carries the fields that keep it
from being framed, sniffed, cached, or made to load anything from elsewhere.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from hashlib import blake2b
from importlib.resources import files
from typing import Any, Final

from aiohttp import hdrs, web

from proxy.core.errors import SpoolError

from . import guards
from .guards import Terms
from .view import GROUPS, MOST_ROWS, Wish, told
from .watcher import Declined, UnknownHandle, Watcher

ROOT: Final = "/uploads"
LONGEST_ACT: Final = 1024
"""Bytes of what is asked to be done."""
_LONGEST_SEARCH: Final = 100
_FILES: Final = {
    ROOT: ("index.html", "text/html; charset=utf-8"),
    f"{ROOT}/page.css": ("page.css", "text/css; charset=utf-8"),
    **{
        f"{ROOT}/{name}": (name, "text/javascript; charset=utf-8")
        for name in ("page.js", "rows.js", "acts.js", "format.js")
    },
    f"{ROOT}/icon.svg": ("icon.svg", "image/svg+xml"),
}
_NOW: Final = f"{ROOT}/now"
_ACTS: Final = (f"{ROOT}/resend", f"{ROOT}/purge")


class Desk:
    """Answers for `/` and everything from `/uploads` on."""

    root: Final = ROOT

    def __init__(self, watcher: Watcher, terms: Terms) -> None:
        self._watcher = watcher
        self._terms = terms
        self._token = secrets.token_urlsafe(32)
        self._files = {
            path: (files(__package__).joinpath("page", name).read_bytes(), media_type)
            for path, (name, media_type) in _FILES.items()
        }

    def has(self, path: str) -> bool:
        return path in ("/", _NOW, *_ACTS) or path in self._files

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        answer = await self._answer(request)
        answer.headers.update(guards.FIELDS)
        return answer

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        path, asks = request.path, request.method in ("GET", "HEAD")
        if path in _ACTS:
            return await self._act(request)
        if not asks:
            return _text(405, "only GET here", Allow="GET, HEAD")
        asked = _asked(request)
        if path == _NOW:
            refused = guards.may_look(asked, self._terms.hosts)
            return _text(403, refused) if refused else await self._told(request)
        if not guards.is_ours(asked.host, self._terms.hosts):
            return _text(403, guards.may_look(asked, self._terms.hosts))
        if path == "/":
            return _text(302, ROOT, Location=ROOT.removeprefix("/"))
        content, media_type = self._files[path]
        return web.Response(body=content, headers={hdrs.CONTENT_TYPE: media_type})

    async def _told(self, request: web.BaseRequest) -> web.Response:
        view = await self._watcher.view()
        shown = told(view, _wish(request.query), self._watcher.handle)
        shown |= {"token": self._token, "acts": self._terms.acts}
        content = json.dumps(shown, separators=(",", ":")).encode()
        tag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
        if request.headers.get(hdrs.IF_NONE_MATCH) == tag:
            return web.Response(status=304, headers={hdrs.ETAG: tag})
        return web.Response(
            body=content, content_type="application/json", headers={hdrs.ETAG: tag}
        )

    async def _act(self, request: web.BaseRequest) -> web.Response:
        if request.method != "POST":
            return _text(405, "only POST here", Allow="POST")
        if not self._terms.acts:
            return _told(403, "nothing can be done here: see admin.page")
        refused = guards.may_act(_asked(request), self._terms.hosts, self._token)
        if refused:
            return _told(403, refused)
        handle = await _handle(request)
        if handle is None:
            return _told(400, "an upload is to be named")
        act = self._watcher.resend if request.path == _ACTS[0] else self._watcher.purge
        try:
            return _told(200, await act(handle))
        except UnknownHandle:
            return _told(404, "it is not known here any more")
        except Declined as exc:
            return _told(409, str(exc))
        except SpoolError as exc:
            return _told(503, str(exc))


def _asked(request: web.BaseRequest) -> guards.Asked:
    fields = request.headers
    hosts = fields.getall(hdrs.HOST, [])
    return guards.Asked(
        host=hosts[0] if len(hosts) == 1 else None,
        origin=fields.get(hdrs.ORIGIN),
        site=fields.get("Sec-Fetch-Site"),
        token=fields.get(guards.TOKEN_FIELD),
        media_type=request.content_type,
    )


def _wish(query: Mapping[str, str]) -> Wish:
    """What is asked for, as far as it makes sense; for the rest everything is told."""
    group, most = query.get("group", ""), query.get("most", "")
    return Wish(
        group=group if group in (*GROUPS.values(), "ended") else "",
        search=query.get("search", "").strip().lower()[:_LONGEST_SEARCH],
        most=int(most) if most.isdecimal() and len(most) < 4 else min(100, MOST_ROWS),
    )


async def _handle(request: web.BaseRequest) -> str | None:
    """The handle that a request names; None when it names none."""
    length = request.content_length
    if length is None or length > LONGEST_ACT:
        return None
    try:
        asked = json.loads(await request.read())
    except ValueError:
        return None
    handle: Any = asked.get("upload") if isinstance(asked, dict) else None
    return handle if isinstance(handle, str) else None


def _told(status: int, said: str) -> web.Response:
    return web.json_response({"said": said}, status=status)


def _text(status: int, text: str, **fields: str) -> web.Response:
    return web.Response(status=status, text=text + "\n", headers=fields)
