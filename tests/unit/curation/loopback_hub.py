"""A hub on loopback that serves files of one revision, with ranges, and can stall, cut or falsify what it sends."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.loopback import Silent, served_on_loopback


@dataclass
class Hub:
    """`files` by URL path; `stall_after` and `cut_after` are bytes of the first answer only."""

    files: dict[str, bytes]
    stall_after: int | None = None
    cut_after: int | None = None
    knows_ranges: bool = True
    resets: bool = False  # the connection, where it is cut
    asked: list[str] = field(default_factory=list)  # the Range header of each request for a file, "" for none
    unknown: list[str] = field(default_factory=list)  # paths that are no files here
    url: str = ""

    @contextmanager
    def serving(self) -> Iterator["Hub"]:
        hub, ended = self, threading.Event()

        class Handler(Silent):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                wanted = self.headers.get("Range", "")
                body = hub.files.get(self.path)
                first = not hub.asked
                if body is None:
                    hub.unknown.append(self.path)
                else:
                    hub.asked.append(wanted)
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and hub.knows_ranges else 0
                if body is None or start >= len(body):
                    self.send_response(404 if body is None else 416)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(body) - start))
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
                self.end_headers()
                short = hub.stall_after or hub.cut_after
                self.wfile.write(body[start:short] if first and short else body[start:])
                if first and short:
                    self.close_connection = True
                    if hub.resets:  # what was sent and not yet read is lost too
                        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        self.connection.close()
                    if hub.stall_after:
                        ended.wait(300)

        with served_on_loopback(Handler) as self.url:
            try:
                yield self
            finally:
                ended.set()
