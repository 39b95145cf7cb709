"""Connections of every kind, many at a time, driven by one thread that owns the sockets of both sides.

A batch opens its connections together, takes them through one kind of life, and waits until the kernel has nothing left
of them but TIME_WAIT. Steps wait for events, never for time, so what happens is decided by the kind and the link alone.
What must be lost is lost by an outage of one direction that is on while exactly those segments arrive: `link` is told
to begin and end it, and counts what it took.
"""

import selectors
import socket
import struct
import time

import kernel_states

_LINGER_NOTHING = struct.pack("ii", 1, 0)  # close() sends RST
_ANSWER = b"answer" * 20
_LATE_DATA = bytes(range(256)) * 80  # 20,480 bytes, sent by the server after the client's FIN


class Pair:
    """One connection: the client's socket, and the server's once it is accepted."""

    def __init__(self, port, client):
        self.port = port
        self.client = client
        self.server = None
        self.connected = False
        self.received = {"client": 0, "server": 0}
        self.ended = {"client": False, "server": False}  # EOF or error was read

    def socket(self, side):
        return self.client if side == "client" else self.server

    def close(self, side):
        if (sock := self.socket(side)) is not None:
            sock.close()


class Batch:
    def __init__(self, near, far, family, client_ports, server_port, link):
        self.near, self.far, self.family, self.link = near, far, family, link
        self.server_port = server_port
        self.pairs = {}
        self.listener = None
        self.selector = selectors.EpollSelector()
        self.deadline = time.monotonic() + 60
        self.client_ports = client_ports
        self.lives = 1  # connections of each pair of ports; the last one is looked at
        self.on_new_life = lambda batch: None

    def begin_new_life(self):
        """What follows are other connections between the same ports."""
        self.pairs = {}
        self.lives += 1
        self.on_new_life(self)

    # --- opening

    def listen(self, before_listening=lambda sock: None):
        self.listener = self.far.socket(self.family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.far.address(self.family), self.server_port))
        before_listening(self.listener)
        self.listener.listen(4096)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, ("listener", None))

    def connect(self, start=socket.socket.connect_ex):
        server = (self.far.address(self.family), self.server_port)
        with self.near.entered():
            sockets = [socket.socket(self.family) for _ in self.client_ports]
        for port, sock in zip(self.client_ports, sockets):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((self.near.address(self.family), port))
            self.pairs[port] = pair = Pair(port, sock)
            start(sock, server)
            self.selector.register(sock, selectors.EVENT_WRITE, ("client", pair))

    def open(self):
        """Until every connection is established on both sides."""
        self.listen()
        self.connect()
        self.wait_open()

    def wait_open(self):
        self.turn_until(lambda: all(p.connected and p.server for p in self.pairs.values()), "all connected")

    # --- the event loop

    def turn_until(self, is_done, what, on_data=None, on_end=None, patient=True, seconds=60):
        """Handles events until is_done(). Not patient: gives up quietly when time is up."""
        deadline = min(self.deadline, time.monotonic() + seconds)
        while not is_done():
            if time.monotonic() > deadline:
                if not patient:
                    return
                raise AssertionError(f"not in time: {what}; {self._summary()}")
            for key, _ in self.selector.select(0.05):
                self._handle(key, on_data, on_end)

    def _handle(self, key, on_data, on_end):
        role, pair = key.data
        if role == "listener":
            self._accept()
        elif role == "client" and not pair.connected and not pair.ended["client"]:
            self._finish_connect(pair)
        else:
            self._read(role, pair, on_data, on_end)

    def _accept(self):
        try:
            while True:
                sock, peer = self.listener.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                pair = self.pairs[peer[1]]
                pair.server = sock
                self.selector.register(sock, selectors.EVENT_READ, ("server", pair))
        except BlockingIOError:
            pass

    def _finish_connect(self, pair):
        if pair.client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._end("client", pair)
        else:
            pair.connected = True
            self.selector.modify(pair.client, selectors.EVENT_READ, ("client", pair))

    def _read(self, side, pair, on_data, on_end):
        try:
            data = pair.socket(side).recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            pair.received[side] += len(data)
            if on_data:
                on_data(side, pair)
        else:
            self._end(side, pair)
            if on_end:
                on_end(side, pair)

    def _end(self, side, pair):
        pair.ended[side] = True
        self.selector.unregister(pair.socket(side))

    def _summary(self):
        pairs = self.pairs.values()
        return (f"{len(self.pairs)} pairs, {sum(p.connected for p in pairs)} connected, "
                f"{sum(p.server is not None for p in pairs)} accepted, "
                f"{sum(p.ended['client'] for p in pairs)}/{sum(p.ended['server'] for p in pairs)} ended")

    # --- steps

    def exchange(self):
        """Each client asks, each server answers."""
        def answer(side, pair):
            if side == "server":
                pair.server.sendall(_ANSWER)
        for pair in self.pairs.values():
            pair.client.sendall(b"question")
        self.turn_until(lambda: all(p.received["client"] >= len(_ANSWER) for p in self.pairs.values()), "answers",
                        on_data=answer)

    def finish(self, side, *, with_close):
        """FIN from one side of every pair. close() for every second pair, if asked; else shutdown()."""
        for number, pair in enumerate(self.pairs.values()):
            if with_close and number % 2 and not pair.ended[side]:
                self._end(side, pair)
                pair.close(side)
            else:
                _shut(pair.socket(side))

    def wait_ended(self, *sides, on_end=None, patient=True, seconds=60):
        self.turn_until(lambda: all(p.ended[s] for p in self.pairs.values() for s in sides), f"end of {sides}",
                        on_end=on_end, patient=patient, seconds=seconds)

    def reset(self, side):
        for pair in self.pairs.values():
            sock = pair.socket(side)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOTHING)
            self._end(side, pair)
            sock.close()

    def leave(self):
        """Closes what is open and waits until the kernel keeps nothing of these connections but TIME_WAIT: from then
        on only what is in flight can change anything."""
        for pair in self.pairs.values():
            pair.close("client")
            pair.close("server")
        if self.listener:
            self.listener.close()
        self.selector.close()
        while any(state != "TIME_WAIT" for side in self.kept() for state in side.values()):
            if time.monotonic() > self.deadline:
                return
            time.sleep(0.05)

    def kept(self):
        """What the kernel keeps of them, on the near and on the far side: {(local port, peer port): state}."""
        return [{ports: state for ports, state in kernel_states.small_sockets(ns).items()
                 if self.server_port in ports} for ns in (self.near, self.far)]


def _shut(sock):
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the peer has reset it


def close_back(batch, side):
    """What the other side does at the end of the stream: it closes too."""
    def on_end(ended, pair):
        if ended == side:
            pair.close(side)
    return on_end


def client_first(batch):
    batch.open()
    batch.exchange()
    batch.finish("client", with_close=True)
    batch.wait_ended("client", "server", on_end=close_back(batch, "server"))


def server_first(batch):
    batch.open()
    batch.exchange()
    batch.finish("server", with_close=True)
    batch.wait_ended("client", "server", on_end=close_back(batch, "client"))


def both_at_once(batch):
    """With a delay on the link, each FIN is sent before the other's is there."""
    batch.open()
    batch.exchange()
    for pair in batch.pairs.values():
        _shut(pair.client)
        _shut(pair.server)
    batch.wait_ended("client", "server")


def rst_by_client(batch):
    batch.open()
    batch.exchange()
    batch.reset("client")
    batch.wait_ended("server", patient=False, seconds=3)  # a lost RST is never repeated


def rst_by_server(batch):
    batch.open()
    batch.exchange()
    batch.reset("server")
    batch.wait_ended("client", patient=False, seconds=3)


def refused(batch):
    batch.connect()
    batch.wait_ended("client")


def half_close_with_data(batch):
    """The client sends its FIN and goes on reading; the server sends 20 kB and only then closes."""
    batch.open()
    batch.exchange()
    for pair in batch.pairs.values():
        pair.received["client"] = 0

    def on_end(side, pair):
        if side == "server":
            pair.server.sendall(_LATE_DATA[:4096])
            pair.server.sendall(_LATE_DATA[4096:])
            pair.server.close()
    batch.finish("client", with_close=False)
    batch.wait_ended("client", "server", on_end=on_end)
    for pair in batch.pairs.values():
        assert pair.received["client"] == len(_LATE_DATA), f"port {pair.port}: {pair.received['client']} bytes"


def syn_lost(batch):
    batch.listen()
    with batch.link.lose("up", len(batch.client_ports)):
        batch.connect()
    batch.wait_open()
    end_orderly(batch)


def syn_ack_lost(batch):
    batch.listen()
    with batch.link.lose("down", len(batch.client_ports)):
        batch.connect()
    batch.wait_open()
    end_orderly(batch)


def third_ack_lost(batch):
    """The SYN passes; while the SYN-ACK is on its way (200 ms), the outage of the other direction begins."""
    batch.listen()
    with batch.link.slowly_down("200ms"):
        before = batch.link.arrived("up")
        batch.connect()
        batch.link.wait(lambda: batch.link.arrived("up") >= before + len(batch.client_ports), "all SYNs to arrive")
        with batch.link.lose("up", len(batch.client_ports)):
            pass
    batch.wait_open()
    end_orderly(batch)


def last_ack_lost(batch):
    batch.open()
    batch.exchange()
    batch.finish("client", with_close=True)
    batch.wait_ended("server")
    batch.link.settle()  # the ACK of the FIN has arrived: FIN_WAIT_2
    with batch.link.lose("up", len(batch.client_ports)):
        batch.finish("server", with_close=True)
    batch.wait_ended("client", "server")


def end_orderly(batch):
    batch.exchange()
    batch.finish("client", with_close=True)
    batch.wait_ended("client", "server", on_end=close_back(batch, "server"))


_OPEN_CLIENT = ["SYN_SENT", "ESTABLISHED"]
_OPEN_SERVER = ["SYN_RECEIVED", "ESTABLISHED"]
_ACTIVE = ["FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"]
_PASSIVE = ["CLOSE_WAIT", "LAST_ACK", "CLOSED"]
_CROSSED = ["FIN_WAIT_1", "CLOSING", "TIME_WAIT"]

#: name: (driver, the client's and the server's states when nothing else interferes, does it need the link for itself)
KINDS = {
    "client closes first": (client_first, _OPEN_CLIENT + _ACTIVE, _OPEN_SERVER + _PASSIVE, False),
    "server closes first": (server_first, _OPEN_CLIENT + _PASSIVE, _OPEN_SERVER + _ACTIVE, False),
    "both at once": (both_at_once, _OPEN_CLIENT + _CROSSED, _OPEN_SERVER + _CROSSED, False),
    "RST by client": (rst_by_client, _OPEN_CLIENT + ["CLOSED"], _OPEN_SERVER + ["CLOSED"], False),
    "RST by server": (rst_by_server, _OPEN_CLIENT + ["CLOSED"], _OPEN_SERVER + ["CLOSED"], False),
    "refused": (refused, ["SYN_SENT", "CLOSED"], [], False),
    "half-close with data": (half_close_with_data, _OPEN_CLIENT + _ACTIVE, _OPEN_SERVER + _PASSIVE, False),
    "SYN lost": (syn_lost, _OPEN_CLIENT + _ACTIVE, _OPEN_SERVER + _PASSIVE, True),
    "SYN-ACK lost": (syn_ack_lost, _OPEN_CLIENT + _ACTIVE, _OPEN_SERVER + _PASSIVE, True),
    "third ACK lost": (third_ack_lost, _OPEN_CLIENT + _ACTIVE, _OPEN_SERVER + _PASSIVE, True),
    "last ACK lost": (last_ack_lost, _OPEN_CLIENT + _ACTIVE, _OPEN_SERVER + _PASSIVE, True),
}
