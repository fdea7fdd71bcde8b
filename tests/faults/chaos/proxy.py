"""A door in front of the broker that can lose links without telling either side, as a dead router does."""

from __future__ import annotations

import asyncio
import contextlib
import threading

BLOCK = 1 << 16


class Proxy:
    """Passes TCP on from its own port to another on this machine, in a thread with a loop of its own."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._lost: set[asyncio.StreamWriter] = set()
        self._links: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10), "the proxy did not start"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    def lose_links(self) -> int:
        """Every link that is open now stays open and carries nothing any more; new ones work. Gives how many."""
        found = set(self._links)
        self._lost |= found
        return len(found)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        self._links |= {writer}
        ways = (self._pass(reader, inner_writer, writer), self._pass(inner_reader, writer, writer))
        await asyncio.gather(*ways, return_exceptions=True)
        self._links.discard(writer)
        self._lost.discard(writer)
        for end in (writer, inner_writer):
            end.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while block := await reader.read(BLOCK):
                if link not in self._lost:
                    writer.write(block)
                    await writer.drain()
        if link not in self._lost:
            writer.close()
