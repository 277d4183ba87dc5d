"""The network between the nodes of a job, measured from inside: who reaches whom, and how fast one stream is."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

MEET_SECONDS = 15.0
REACH_SECONDS = 5.0
STREAM_SECONDS = 1.0
CHUNK_BYTES = 1 << 20
FIRST_PORT, PORTS = 12_000, 7_000  # of node 0, by the job's id: below the range that systems hand out by themselves
INFINIBAND = Path("/sys/class/infiniband")


class Meeting:
    """All nodes of a job exchange values through node 0, over TCP and not over the disk, which may show them late."""

    def __init__(self, node: int, nodes: int, lead: str, port: int, seconds: float = MEET_SECONDS) -> None:
        """Args: lead: address of node 0."""
        self.node, self.nodes, self.place, self.seconds = node, nodes, (lead, port), seconds
        self._files: dict[int, Any] = {}
        self._open = ExitStack()

    def __enter__(self) -> Meeting:
        """Raises OSError: another node, which the message names, does not come."""
        end = time.monotonic() + self.seconds
        try:
            if self.node == 0:
                self._gather(end)
            else:
                self._files[0] = self._file(_connect_until(self.place, end))
                _send(self._files[0], self.node)
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def exchange(self, value: Any) -> list[Any]:
        """Every node's value, in the order of the nodes; returns when all have given theirs."""
        if self.node:
            _send(self._files[0], value)
            return list(_receive(self._files[0]))
        values = [value] + [_receive(self._files[node]) for node in range(1, self.nodes)]
        for file in self._files.values():
            _send(file, values)
        return values

    def _gather(self, end: float) -> None:
        listener = self._open.enter_context(socket.create_server(self.place))
        while len(self._files) < self.nodes - 1:
            listener.settimeout(max(0.01, end - time.monotonic()))
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                absent = [node for node in range(1, self.nodes) if node not in self._files]
                place = f"{self.place[0]}:{self.place[1]}"
                raise OSError(f"nodes {absent} did not reach node 0 ({place}) in {self.seconds:.0f} s") from None
            file = self._file(connection)
            self._files[_receive(file)] = file

    def _file(self, connection: socket.socket) -> Any:
        connection.settimeout(self.seconds)
        self._open.enter_context(connection)
        return self._open.enter_context(connection.makefile("rw", encoding="utf-8"))


def measure_fabric(environment: Mapping[str, str]) -> dict[str, Any]:
    """What a node of a job finds of the others; every node calls it at about the same time.

    Returns:
        `address`; `unreached`, those of the other nodes to which no connection could be made; `stream_mb_s` of one TCP
        stream to the next node while every node sends one; `infiniband`, the devices.

    Raises:
        OSError: the nodes do not meet.
    """
    node, nodes = int(environment.get("SLURM_NODEID", "0")), int(environment.get("SLURM_STEP_NUM_NODES", "1"))
    lead = lead_of(environment)
    port = FIRST_PORT + int(environment.get("SLURM_JOB_ID", "0")) % PORTS
    own = own_address(lead)
    with Meeting(node, nodes, lead, port) as meeting, _sink(own) as own_port:
        places = [tuple(place) for place in meeting.exchange([own, own_port])]
        others = [place for number, place in enumerate(places) if number != node]
        unreached = [f"{place[0]}:{place[1]}" for place in others if not reaches(place)]
        meeting.exchange(None)
        rate = None if unreached else _stream(places[(node + 1) % nodes])
        meeting.exchange(None)
    devices = sorted(path.name for path in INFINIBAND.iterdir()) if INFINIBAND.is_dir() else []
    return {"address": own, "unreached": unreached, "stream_mb_s": rate, "infiniband": devices}


def lead_of(environment: Mapping[str, str]) -> str:
    """Address of the node that started the job's step, which is node 0; outside of a step this host's own."""
    return environment.get("SLURM_LAUNCH_NODE_IPADDR") or socket.gethostbyname(socket.gethostname())


def own_address(towards: str) -> str:
    """This node's address on the network on which another one is; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((towards, 9))
        return str(probe.getsockname()[0])


def listens(address: str) -> bool:
    """Whether a port can be opened at an own address and reached there."""
    with _sink(address) as port:
        return reaches((address, port))


def reaches(place: tuple[str, int]) -> bool:
    """Whether something at (address, port) takes a byte and answers."""
    try:
        return _sent(place, 0.0) == 1
    except OSError:
        return False


def _stream(place: tuple[str, int]) -> float:
    """MB/s of a stream."""
    start = time.monotonic()
    return round(_sent(place, STREAM_SECONDS) / 1e6 / (time.monotonic() - start), 1)


def _sent(place: tuple[str, int], seconds: float) -> int:
    """Bytes that a sink has acknowledged after one byte and a stream of so many seconds."""
    with socket.create_connection(place, timeout=REACH_SECONDS) as connection:
        connection.sendall(b"x")
        end, chunk = time.monotonic() + seconds, bytes(CHUNK_BYTES)
        while time.monotonic() < end:
            connection.sendall(chunk)
        connection.shutdown(socket.SHUT_WR)
        return int(connection.recv(64) or b"0")


@contextmanager
def _sink(address: str) -> Iterator[int]:
    """A port of this node whose server counts what it is sent, and answers with the number."""
    with socket.create_server((address, 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def _serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:  # closed
            return
        threading.Thread(target=_count, args=(connection,), daemon=True).start()


def _count(connection: socket.socket) -> None:
    with connection:
        counted = 0
        while block := connection.recv(CHUNK_BYTES):
            counted += len(block)
        connection.sendall(str(counted).encode())


def _connect_until(place: tuple[str, int], end: float) -> socket.socket:
    while True:
        try:
            return socket.create_connection(place, timeout=max(0.1, end - time.monotonic()))
        except OSError as error:
            if time.monotonic() > end:
                raise OSError(f"no connection to node 0 at {place[0]}:{place[1]}: {error}") from error
            time.sleep(0.2)


def _send(file: Any, value: Any) -> None:
    file.write(json.dumps(value) + os.linesep)
    file.flush()


def _receive(file: Any) -> Any:
    line = file.readline()
    if not line:
        raise OSError("another node closed its connection in the midst of it")
    return json.loads(line)
