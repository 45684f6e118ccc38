"""The connection to a server: single questions, and answers that come in a stream. Knows nothing of what they say.

    ask() ─► one JSON value            stream() ─► Stream: one JSON object after the other; close() drops the connection

All of it runs in one thread with a loop of its own, since only so can a request be dropped at any moment, also while
the server still reads the prompt; and a dropped connection is how a server learns that nobody wants the answer.
"""

import asyncio
import queue
import random
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ossa.model.server.address import Address
from ossa.model.server.faults import Fault, broken, nonsense, refused
from ossa.model.server.sse import Events

if TYPE_CHECKING:
    import httpx2

_BODY = 64 << 10
"""Bytes of a refusal that are read."""
_SECONDS_TO_DROP = 2.0
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long is waited, in seconds, and how often is asked."""

    connect: float = 10.0
    reply: float = 60.0
    """For a single question."""
    first: float = 1800.0
    """For the first token: others may be served before, and a long prompt takes minutes to read on a CPU."""
    idle: float = 600.0
    """Between two tokens: some servers keep a call back until it is whole."""
    tries: int = 5
    pause: float = 1.0
    """Before the second try; each further one waits twice as long."""


class Line:
    """Talks to one server; every method may be called from any thread."""

    def __init__(self, address: Address, limits: Limits = Limits()) -> None:
        """No connection is opened yet."""
        self.address, self.limits = address, limits
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: httpx2.AsyncClient | None = None

    def ask(
        self,
        path: str,
        body: object = None,
        *,
        stop: threading.Event | None = None,
        is_answer: bool = False,
        is_safe: bool = False,
        check: Callable[[], None] = lambda: None,
    ) -> Any:
        """The reply to one question: a POST where there is a body; `is_answer` where tokens are written for it.

        It is asked again where that may help, if `is_safe` says so, and `check` is called before each time.

        Raises:
            Fault: there is none, it is a refusal, or `stop` was set.
            ModelError: what `check` raises.
        """
        limit, tries = self.limits.first if is_answer else self.limits.reply, 0
        while True:
            try:
                check()
                return self._awaited(self.run(self._reply(path, body, limit)), stop)
            except Fault as fault:
                tries += 1
                if not (is_safe and fault.again) or tries >= self.limits.tries or (stop and stop.is_set()):
                    raise
                (stop or threading.Event()).wait(max(fault.after, self.pause(tries)))

    def pause(self, tries: int) -> float:
        """Seconds before the next try: ever more, and not the same for all who wait."""
        return self.limits.pause * 2 ** (tries - 1) * random.uniform(0.8, 1.2)

    def _awaited(self, future: "Future[Value]", stop: threading.Event | None) -> Value:
        while True:
            try:
                return future.result(0.1 if stop else None)
            except TimeoutError:
                if not stop or not stop.is_set():
                    continue
                future.cancel()
                raise broken(self.address, InterruptedError("it was cancelled")) from None
            except CancelledError:
                raise broken(self.address, InterruptedError("it was cancelled")) from None

    def stream(self, path: str, body: object) -> "Stream":
        """Begin to stream the answer to a request."""
        return Stream(self, path, body)

    def run(self, work: Coroutine[Any, Any, Value]) -> "Future[Value]":
        """Begin some work in the line's own thread."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_turn, args=(self._loop,), name="ossa-server", daemon=True).start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Drop all connections; the next request opens new ones."""
        with self._lock:
            loop, client, self._loop, self._client = self._loop, self._client, None, None
        if loop:
            asyncio.run_coroutine_threadsafe(_end(loop, client), loop)

    def client(self) -> "httpx2.AsyncClient":
        """The client; to be called in the line's own thread."""
        # Imported here since nothing else needs it, and made here since it belongs to the loop.
        import httpx2

        if self._client is None:
            headers = {"Authorization": f"Bearer {self.address.key}"} if self.address.key else {}
            # Neither proxies nor passwords from the environment: what is sent goes to the host that is shown alone.
            self._client = httpx2.AsyncClient(
                base_url=self.address.url,
                headers=headers,
                timeout=httpx2.Timeout(None, connect=self.limits.connect),
                limits=httpx2.Limits(max_connections=None),
                trust_env=False,
                verify=self.address.url.startswith("https:"),
            )
        return self._client

    async def _reply(self, path: str, body: object, limit: float) -> Any:
        import httpx2

        try:
            async with asyncio.timeout(limit):
                method = "GET" if body is None else "POST"
                reply = await self.client().request(method, path, json=body)
        except TimeoutError:
            raise broken(self.address, httpx2.ReadTimeout("no reply")) from None
        except (httpx2.HTTPError, OSError, ValueError) as error:
            raise broken(self.address, error) from error
        if reply.status_code != 200:
            raise refused(self.address, reply.status_code, reply.content, reply.headers.get("retry-after", ""))
        try:
            return reply.json()
        except (ValueError, RecursionError):
            raise nonsense(self.address, reply.content) from None


class Stream:
    """An answer as it comes: iterate in one thread, `close` from any."""

    def __init__(self, line: Line, path: str, body: object) -> None:
        self._line, self._path, self._body = line, path, body
        self._limit = line.limits.first
        self._waiting: asyncio.Timeout | None = None
        self._items: queue.Queue[dict[str, Any] | Exception | None] = queue.Queue()
        self._is_begun, self._dropped = False, threading.Event()
        self._future = line.run(self._read())

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> dict[str, Any]:
        """The next object.

        Raises:
            Fault: none comes any more, though the answer is not complete, or what comes is none.
        """
        item = self._items.get()
        if item is None or isinstance(item, Exception):
            self._items.put(item)
            raise item or StopIteration
        return item

    def hurry(self) -> None:
        """From now on tokens are expected, so silence is a fault."""
        if self._limit != self._line.limits.idle:
            self._limit = self._line.limits.idle
            self._line.run(self._sooner())

    def close(self) -> None:
        """Drop the connection, so that the server stops; waits until it is dropped."""
        self._items.put(None)
        self._future.cancel()
        if self._is_begun:
            self._dropped.wait(_SECONDS_TO_DROP)

    async def _sooner(self) -> None:
        """What is waited for already is waited for no longer than the rest."""
        if self._waiting:
            self._waiting.reschedule(asyncio.get_running_loop().time() + self._limit)

    async def _read(self) -> None:
        import httpx2

        address, self._is_begun = self._line.address, True
        try:
            async for content in self._contents():
                self._items.put(content)
            self._items.put(None)
        except TimeoutError:
            self._items.put(broken(address, httpx2.ReadTimeout("silence")))
        except (httpx2.HTTPError, OSError, ValueError) as error:
            self._items.put(broken(address, error))
        except Exception as error:
            self._items.put(error)
        finally:
            self._items.put(None)
            self._dropped.set()

    async def _contents(self) -> AsyncIterator[dict[str, Any]]:
        client, address = self._line.client(), self._line.address
        request = client.build_request("POST", self._path, json=self._body, headers={"Accept": "text/event-stream"})
        async with asyncio.timeout(self._limit):
            response = await client.send(request, stream=True)
        try:
            if response.status_code != 200:
                raise refused(
                    address, response.status_code, await _some(response), response.headers.get("retry-after", "")
                )
            events = Events(address)
            chunks = aiter(response.aiter_bytes())
            while not events.ended:
                async with asyncio.timeout(self._limit) as self._waiting:
                    chunk = await anext(chunks, None)
                self._waiting = None
                for content in events.end() if chunk is None else events.feed(chunk):
                    yield content
                if chunk is None:
                    return
        finally:
            await response.aclose()


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


async def _some(response: "httpx2.Response") -> bytes:
    """The beginning of a body."""
    body = b""
    async with asyncio.timeout(10):
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _BODY:
                break
    return body


async def _end(loop: asyncio.AbstractEventLoop, client: "httpx2.AsyncClient | None") -> None:
    if client:
        await client.aclose()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    loop.call_later(1, loop.stop)
