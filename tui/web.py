"""`ossa --web`: the window in a browser on this machine, by textual-serve.

browser ─► guard: loopback, Host, Origin, token ─► page, websocket ─► a process with the window, one for each page

Whoever can open the page can run commands as the user does. So the address has a token that nobody can guess, which
other users of this machine do not see; pages of other sites can neither read it nor connect; and nothing is fetched
from anywhere else.
"""

import copy
import hmac
import os
import secrets
import shlex
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from textual_serve.server import Server

from ossa.tui.console import NEXT

HOST = "127.0.0.1"
_NAME = "{page:[0-9a-f-]{1,36}}"
"""What a page calls itself, so that several have each their own window and session."""
PAGE = Path(__file__).with_name("page")
"""What is shown around the window."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'self' {ws}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class PortError(Exception):
    """The port cannot be had; the text is a sentence for the user."""


def serve(port: int, argv: Sequence[str]) -> int:
    """Serve the window with these arguments until Ctrl+C, port 0 being any that is free; the exit code.

    Raises:
        PortError: the port is taken, or not for this user.
    """
    listening = listen(port)
    port, token = listening.getsockname()[1], secrets.token_urlsafe(24)
    print(f"ossa is at http://{HOST}:{port}/{token}/", flush=True)
    print("Keep the address to yourself: whoever opens it works as you do. Ctrl+C ends.", flush=True)
    with TemporaryDirectory(prefix="ossa-") as folder:
        web.run_app(application(command(argv), port, token, Path(folder)), sock=listening, print=None, access_log=None)
    return 0


def listen(port: int) -> socket.socket:
    """A socket that only this machine reaches; port 0 is any that is free.

    Raises:
        PortError: the port is taken, or not for this user.
    """
    try:
        return socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "there is no such port"
        raise PortError(f"Port {port} cannot be had: {reason}. Name another: `ossa --web --port PORT`.") from error


def command(argv: Sequence[str]) -> str:
    """The shell line of a process with the window; by `NEXT` in its environment it knows that it is in a browser."""
    # -P: a repository that ossa is started in may hold modules of any name.
    return shlex.join([sys.executable, "-P", "-m", "ossa.tui", *argv])


async def application(line: str, port: int, token: str, following: Path) -> web.Application:
    """The server's application: everything lies below the token.

    A window that ends to go on with another session writes its id into a file in the folder `following` that has the
    name of its page; that page is loaded anew then, and begins with it.
    """
    server = _Quiet(line, port, following)
    inner = await server._make_app()
    inner.router.add_get(f"/ws/{_NAME}", server.handle_websocket)
    inner.router.add_get(f"/next/{_NAME}", server.handle_next)
    inner.router.add_static("/page", PAGE)
    outer = web.Application(middlewares=[_guard(port, token)])
    outer.add_subapp(f"/{token}/", inner)
    return outer


class _Quiet(Server):
    """textual-serve without its greeting, and with a page of our own that fetches nothing from elsewhere."""

    def __init__(self, line: str, port: int, following: Path) -> None:
        super().__init__(line, HOST, port, title="ossa", templates_path=PAGE)
        self._line, self._following = line, following

    async def on_startup(self, app: web.Application) -> None:
        pass

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        following = self._following_of(request)
        one = copy.copy(self)  # the command is for this page alone
        one.command = f"export {NEXT}={shlex.quote(str(following))}; {self._line}"
        with suppress(OSError):
            session = following.read_text()
            following.unlink()
            one.command += f" {shlex.join(['--resume', session])}"
        return await Server.handle_websocket(one, request)

    async def handle_next(self, request: web.Request) -> web.Response:
        """Tell a page whose window has ended whether another session is to follow: 204, or 404 for not yet."""
        return web.Response(status=204 if self._following_of(request).exists() else 404)

    def _following_of(self, request: web.Request) -> Path:
        return self._following / f"session-{request.match_info.get('page', '')}"


def _guard(port: int, token: str) -> Middleware:
    """What lets through only requests of our own page, and to our own address by name.

    A page of another site may connect to this port, and may have its name stand for this machine (DNS rebinding); but
    its requests then bear its own name as Origin or Host.
    """
    names = {f"{name}:{port}" for name in (HOST, "localhost")}
    names |= {HOST, "localhost"} if port == 80 else set()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        given = request.path.removeprefix("/").partition("/")[0]
        known = hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())
        from_here = origin == f"http://{host}" if origin is not None else not is_socket
        if not (known and host in names and from_here):
            raise web.HTTPForbidden(text="403: this is not the address that ossa printed.")
        response = await handler(request)
        if not response.prepared:
            response.headers["Content-Security-Policy"] = _POLICY.format(ws=f"ws://{host}")
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["Cache-Control"] = "no-store"
        return response

    return guard
