"""The page, on a port of its own, and the buttons by which it handles the link.

The uploads go elsewhere, through the link to the proxy: for a browser that is another
origin, which the proxy has to allow (``cors.allow_origins``). The one invariant: a page
from anywhere else can neither press the buttons nor be loaded into this one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from aiohttp import web

from .link import Link

_PAGE: Final = Path(__file__).parent / "page"
_FILES: Final = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/upload.js": ("upload.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self' "
)
"""Content-Security-Policy: what the page may load, and whom it may talk to. The link
is added to the latter."""
_TARGET: Final = "/photos"
"""Where the origin takes uploads."""


class Site:
    """Serves the page of uploads through `link`, which may start later."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._runner = web.ServerRunner(web.Server(self._answer))
        self.address = ""

    async def start(self) -> None:
        """On an ephemeral port of 127.0.0.1."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"http://{host}:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        match request.method, request.path:
            case "GET", path if path in _FILES:
                return self._file(*_FILES[path])
            case "GET", "/link":
                return self._state()
            case "POST", "/link":
                return await self._press(request)
            case _:
                return web.Response(status=404)

    def _file(self, name: str, media_type: str) -> web.Response:
        fields = {
            "Content-Security-Policy": _POLICY + self._link.address,
            "Cache-Control": "no-store",  # the port may be another demonstration's soon
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        text = (_PAGE / name).read_text("utf-8")
        return web.Response(
            text=text, content_type=media_type, charset="utf-8", headers=fields
        )

    async def _press(self, request: web.BaseRequest) -> web.Response:
        """What was pressed, as JSON: ``cut``, ``online`` or ``rate``."""
        if request.headers.get("Origin") != self.address:
            return web.Response(status=403)
        try:
            match await request.json():
                case {"cut": True}:
                    self._link.cut()
                case {"online": bool(online)}:
                    self._link.go(online=online)
                case {"rate": int(rate) | (None as rate)} if rate is None or rate > 0:
                    self._link.rate = rate
                case _:
                    return web.Response(status=400)
        except json.JSONDecodeError:
            return web.Response(status=400)
        return self._state()

    def _state(self) -> web.Response:
        """Where to upload to, and how the link is."""
        link = self._link
        return web.json_response(
            {
                "endpoint": link.address + _TARGET,
                "online": link.online,
                "rate": link.rate,
            },
            headers={"Cache-Control": "no-store"},
        )
