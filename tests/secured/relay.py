"""TLS in front of a server that has none itself: the bytes within go on as they are."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import suppress

from libs.local.ports import HOST
from tests.secured.certificates import Certificates


class Relay:
    """Listens with TLS on loopback and hands on to ``target``, a port, until it is stopped."""

    def __init__(self, certificates: Certificates, port: int, target: int) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificates.certificate, certificates.key)
        self._port, self._target = port, target
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Listen, from another thread."""
        self._thread.start()
        assert self._listening.wait(10)

    def stop(self) -> None:
        """End, and drop what is connected."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        opening = asyncio.start_server(self._serve, HOST, self._port, ssl=self._context)
        self._loop.run_until_complete(opening)
        self._listening.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind_reader, behind_writer = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, behind_writer), _pump(behind_reader, writer))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(65_536):
            sink.write(piece)
            await sink.drain()
    sink.close()
