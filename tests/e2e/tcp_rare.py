"""Lives of connections that are rarer than tcp_kinds', driven the same way: opening from both sides at once, data in
the SYN, a port used again in TIME_WAIT, FINs and RSTs that are lost or overtaken, keep-alives, a closed window, ICMP
errors."""

import contextlib
import selectors
import socket

import tcp_kinds
from tcp_kinds import Pair

_TCP_FASTOPEN_NO_COOKIE = 34  # linux/tcp.h
_MSG_FASTOPEN = 0x20000000
_PROBES = 3  # struct tcp_info: tcpi_probes, of one byte


def simultaneous_open(batch):
    """Each end connects to the other before the other's SYN is there (20 ms)."""
    near, far = batch.near.address(batch.family), batch.far.address(batch.family)
    with batch.near.entered():
        clients = [socket.socket(batch.family) for _ in batch.client_ports]
    with batch.far.entered():
        servers = [socket.socket(batch.family) for _ in batch.client_ports]
    for port, client, server in zip(batch.client_ports, clients, servers):
        for sock, address, local in ((client, near, port), (server, far, batch.server_port)):
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, local))
        batch.pairs[port] = pair = Pair(port, client)
        client.connect_ex((far, batch.server_port))
        server.connect_ex((near, port))
        pair.server = server
        batch.selector.register(client, selectors.EVENT_WRITE, ("client", pair))
    batch.turn_until(lambda: all(p.connected for p in batch.pairs.values()), "all connected")
    for pair in batch.pairs.values():
        batch.selector.register(pair.server, selectors.EVENT_READ, ("server", pair))
    tcp_kinds.end_orderly(batch)


def fast_open(batch):
    """RFC 7413: the question is in the SYN, and the server has it before the third ACK."""
    for namespace in (batch.near, batch.far):
        namespace.run("sysctl", "-qw", "net.ipv4.tcp_fastopen=3")
    batch.listen(before_listening=lambda sock: (
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 4096),
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_FASTOPEN_NO_COOKIE, 1)))

    def start(sock, server):
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_FASTOPEN_NO_COOKIE, 1)
        try:
            sock.sendto(b"question", _MSG_FASTOPEN, server)
        except BlockingIOError:
            pass  # the SYN is on its way
    batch.connect(start)
    batch.wait_open()
    batch.turn_until(lambda: all(p.received["server"] >= 8 for p in batch.pairs.values()), "questions")
    tcp_kinds.end_orderly(batch)


def port_again(batch):
    """The server closes first and waits in TIME_WAIT; the same ports connect again, and that life is looked at."""
    batch.open()
    batch.exchange()
    batch.finish("server", with_close=False)
    batch.wait_ended("client", "server", on_end=tcp_kinds.close_back(batch, "client"))
    for pair in batch.pairs.values():
        pair.close("server")
    batch.link.wait(lambda: not batch.kept()[0] and all(s == "TIME_WAIT" for s in batch.kept()[1].values()),
                    "only TIME_WAIT on the server's side", 30)
    batch.begin_new_life()
    batch.connect()
    batch.wait_open()
    tcp_kinds.end_orderly(batch)


def fin_lost(batch):
    batch.open()
    batch.exchange()
    batch.link.settle()
    with batch.link.lose("up", len(batch.client_ports)):
        batch.finish("client", with_close=True)
    batch.wait_ended("client", "server", on_end=tcp_kinds.close_back(batch, "server"))


def rst_lost(batch):
    """The server does not learn of it, and finds out when it closes."""
    batch.open()
    batch.exchange()
    batch.link.settle()
    with batch.link.lose("up", len(batch.client_ports)):
        batch.reset("client")
    batch.finish("server", with_close=False)
    batch.wait_ended("server")


def fin_overtakes(batch):
    """Data waits 200 ms on the link, the FIN behind it 20: it comes first, and counts only when the data is there."""
    batch.open()
    batch.exchange()
    batch.link.settle()
    with batch.link.overtaking("up"):
        for pair in batch.pairs.values():
            pair.client.sendall(b"late")
        batch.link.let_overtake("up", len(batch.client_ports))
        batch.finish("client", with_close=False)
        batch.wait_ended("server")
    batch.finish("server", with_close=True)
    batch.wait_ended("client", "server")


def keep_alive(batch):
    batch.open()
    batch.exchange()
    batch.link.settle()
    before = batch.link.arrived("up")
    for pair in batch.pairs.values():
        pair.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        pair.client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    batch.link.wait(lambda: batch.link.arrived("up") >= before + len(batch.client_ports), "a keep-alive of each")
    tcp_kinds.end_orderly(batch)


def zero_window(batch):
    """The server does not read until its window is closed and was probed."""
    batch.listen(before_listening=lambda sock: sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096))
    batch.connect()
    batch.wait_open()
    for pair in batch.pairs.values():
        batch.selector.unregister(pair.server)
        try:
            while True:
                pair.sent = getattr(pair, "sent", 0) + pair.client.send(bytes(4096))
                if pair.sent >= 65536:
                    break
        except BlockingIOError:
            pass
    waiting = set(batch.pairs.values())

    def all_probe():
        waiting.difference_update([p for p in waiting if p.client.getsockopt(
            socket.IPPROTO_TCP, socket.TCP_INFO, 8)[_PROBES]])
        return not waiting
    batch.link.wait(all_probe, "a probe of each closed window", 30)
    for pair in batch.pairs.values():
        batch.selector.register(pair.server, selectors.EVENT_READ, ("server", pair))
    batch.turn_until(lambda: all(p.received["server"] >= p.sent for p in batch.pairs.values()), "all of the data")
    tcp_kinds.end_orderly(batch)


@contextlib.contextmanager
def _rejecting(batch, what):
    """The server's side answers what comes for its port with an ICMP error, as nftables names it, and no limit."""
    far, table = batch.far, f"oracle{batch.server_port}"
    far.run("sysctl", "-qw", "net.ipv4.icmp_ratemask=0", "net.ipv6.icmp.ratelimit=0")
    far.run("nft", f"add table inet {table}; add chain inet {table} in {{ type filter hook input priority 0; }}; "
                   f"add rule inet {table} in tcp dport {batch.server_port} reject with icmpx type {what}")
    try:
        yield
    finally:
        far.run("nft", f"delete table inet {table}")


def _rejected(what):
    def drive(batch):
        with _rejecting(batch, what):
            batch.connect()
            batch.wait_ended("client")
    return drive


def icmp_while_open(batch):
    """What an open connection sends is answered with ICMP errors; it repeats it, and goes on when they end."""
    batch.open()
    batch.exchange()
    batch.link.settle()
    with _rejecting(batch, "host-unreachable"):
        before = batch.link.arrived("down")
        for pair in batch.pairs.values():
            pair.client.sendall(b"question")
        batch.link.wait(lambda: batch.link.arrived("down") >= before + len(batch.client_ports), "an error for each")
        batch.link.settle()
    tcp_kinds.end_orderly(batch)


_SYNS = ["SYN_SENT", "SYN_RECEIVED", "ESTABLISHED"]
_OPEN_CLIENT, _OPEN_SERVER = ["SYN_SENT", "ESTABLISHED"], ["SYN_RECEIVED", "ESTABLISHED"]
_ACTIVE, _PASSIVE = ["FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"], ["CLOSE_WAIT", "LAST_ACK", "CLOSED"]

#: name: whether a connection's row shows that what makes its kind rare has happened. Of the others the states show it.
PROOFS = {
    "fast open": lambda row: row["effective"]["tfo"],
    "FIN lost": lambda row: row["client"]["dropped"] >= 1,
    "RST lost": lambda row: row["client"]["dropped"] >= 1,
    "FIN overtakes": lambda row: row["client"]["out_of_order_by_us"] >= 1,
    "keep-alive": lambda row: row["client"]["keep_alives"] >= 1,
    "zero window": lambda row: row["server"]["zero_windows"] >= 1,
    "ICMP: no port": lambda row: row["end"] == "refused",
    "ICMP: no host": lambda row: row["end"] == "unreachable",
    "ICMP while open": lambda row: row["end"] == "orderly",
}

#: as tcp_kinds.KINDS
KINDS = {
    "simultaneous open": (simultaneous_open, _SYNS + _ACTIVE, _SYNS + _PASSIVE, False),
    "fast open": (fast_open, _OPEN_CLIENT + _ACTIVE, _OPEN_SERVER + _PASSIVE, False),
    "port again": (port_again, _OPEN_CLIENT + _ACTIVE, _OPEN_SERVER + _PASSIVE, False),
    "FIN lost": (fin_lost, _OPEN_CLIENT + _ACTIVE, _OPEN_SERVER + _PASSIVE, True),
    "RST lost": (rst_lost, _OPEN_CLIENT + ["CLOSED"], _OPEN_SERVER + ["FIN_WAIT_1", "CLOSED"], True),
    "FIN overtakes": (fin_overtakes, _OPEN_CLIENT + _ACTIVE, _OPEN_SERVER + _PASSIVE, True),
    "keep-alive": (keep_alive, _OPEN_CLIENT + _ACTIVE, _OPEN_SERVER + _PASSIVE, True),
    "zero window": (zero_window, _OPEN_CLIENT + _ACTIVE, _OPEN_SERVER + _PASSIVE, False),
    "ICMP: no port": (_rejected("port-unreachable"), ["SYN_SENT", "CLOSED"], [], False),
    "ICMP: no host": (_rejected("host-unreachable"), ["SYN_SENT", "CLOSED"], [], False),
    "ICMP while open": (icmp_while_open, _OPEN_CLIENT + _ACTIVE, _OPEN_SERVER + _PASSIVE, True),
}
