"""Who may talk to MuJoCo Studio's web server: its own page, opened at an address that carries one of two secret keys.

Studio's server lets everybody in who can connect, a page of anybody's in a browser on this machine included. Here what
is not a plain file of the viewer needs a key, which no other page can read or guess: one key steers, the other looks
on. A browser also says which page a connection comes from (`Origin`); another page is sent away even with a key.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

_PUBLIC_SUFFIXES = frozenset({".js", ".wasm", ".data", ".ico"})  # the viewer's own files, the same for everybody
_CONTROLS = ("/ui", "/drop")  # connections of who steers
_SAID_BY_ONLOOKERS = ("state_ack", "heartbeat")  # the rest of what a page says asks for control
_NOT_IN_CONTROL = 4001  # Studio's close code for a page that is to look on
_REFUSAL = "Open the address that evo-hns watch printed, with the key at its end.\n"

_SIGN = """<script>
(() => {
  const key = new URLSearchParams(location.search).get("key");
  const signed = (address) => {
    const url = new URL(address, location.href);
    if (url.host === location.host) url.searchParams.set("key", key);
    return url;
  };
  const bareFetch = window.fetch, BareSocket = window.WebSocket;
  window.fetch = (address, options) => bareFetch(typeof address === "string" ? signed(address) : address, options);
  window.WebSocket = class extends BareSocket {
    constructor(address, protocols) { super(signed(address), protocols); }
  };
})();
</script>"""  # the page asks for everything with the key of its own address
_KEEP_TITLE = """<script>
  const written = document.querySelector("title");
  Object.defineProperty(document, "title", {get: () => written.textContent, set() {}});
</script>"""  # the viewer names every page after itself


def _new_key() -> str:
    return secrets.token_urlsafe(16)


@dataclass(frozen=True)
class Keys:
    """Secrets of one server, as they stand in addresses of its page."""

    steering: str = field(default_factory=_new_key)
    looking: str = field(default_factory=_new_key)

    def may_steer(self, key: str) -> bool | None:
        """Whether who has this key steers; None of a key that opens nothing."""
        given = key.encode()
        if secrets.compare_digest(given, self.steering.encode()):
            return True
        return False if secrets.compare_digest(given, self.looking.encode()) else None


class Connection(ServerConnection):
    """A connection that hears nothing from an onlooker but that it is still there."""

    may_steer = False

    async def recv(self, decode: bool | None = None) -> Any:
        """The next message that counts."""
        while True:
            message = await super().recv(decode)
            if self.may_steer or message in _SAID_BY_ONLOOKERS:
                return message


def guarded(serve: Callable[..., Any], keys: Keys, title: str) -> Callable[..., Any]:
    """The same as `websockets.asyncio.server.serve`, for who has a key.

    Args:
        serve: starts a server.
        keys: open it.
        title: of the page.
    """

    def start(handler: Any, *, process_request: Any, process_response: Any, **settings: Any) -> Any:
        def admit(connection: Connection, request: Request) -> Response | None:
            path, _, query = request.path.partition("?")
            if _is_public(path):
                response: Response | None = process_request(connection, request)
                return response
            values = parse_qs(query)
            may_steer = keys.may_steer(values.get("key", [""])[0])
            if may_steer is None or not _is_from_own_page(request):
                return _refusal()
            connection.may_steer = may_steer
            if not may_steer and path == "/state":  # an onlooker cannot pass for another page
                request.path = f"{path}?sid=onlooker-{values.get('sid', [''])[0]}"
            response = process_request(connection, request)
            return _signing(response, title) if response is not None and path in ("/", "/index.html") else response

        def keep_to_itself(connection: Connection, request: Request, response: Response) -> Response | None:
            changed: Response | None = process_response(connection, request, response)
            headers = (changed or response).headers
            for name in ("Access-Control-Allow-Origin", "Cross-Origin-Resource-Policy"):
                if name in headers:
                    del headers[name]
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            headers["Content-Security-Policy"] = "frame-ancestors 'none'"
            headers["Referrer-Policy"] = "no-referrer"
            return changed

        async def handle(connection: Connection) -> None:
            path = "" if connection.request is None else connection.request.path.partition("?")[0]
            if path in _CONTROLS and not connection.may_steer:
                await connection.close(_NOT_IN_CONTROL, "looking on")
            else:
                await handler(connection)

        return serve(
            handle,
            process_request=admit,
            process_response=keep_to_itself,
            create_connection=Connection,
            **settings,
        )

    return start


def _is_public(path: str) -> bool:
    return path.startswith("/assets/") or PurePosixPath(path).suffix in _PUBLIC_SUFFIXES


def _is_from_own_page(request: Request) -> bool:
    """Browsers send the origin with every WebSocket and every request to another server; programs send none."""
    origins, hosts = request.headers.get_all("Origin"), request.headers.get_all("Host")
    return not origins or (len(origins) == len(hosts) == 1 and urlsplit(origins[0]).netloc == hosts[0])


def _refusal() -> Response:
    body = _REFUSAL.encode()
    headers = Headers({"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))})
    return Response(HTTPStatus.FORBIDDEN, HTTPStatus.FORBIDDEN.phrase, headers, body)


def _signing(page: Response, title: str) -> Response:
    """The page, made to use its key, with a title."""
    content = re.sub(rb"(?s)<title>.*?</title>", b"", bytes(page.body or b""))
    before, head, after = content.partition(b"<head>")
    body = before + head + f"<title>{escape(title)}</title>{_KEEP_TITLE}{_SIGN}".encode() + after
    del page.headers["Content-Length"]
    page.headers["Content-Length"] = str(len(body))
    return Response(page.status_code, page.reason_phrase, page.headers, body)
