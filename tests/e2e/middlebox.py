"""What stands between two hosts and is less than it should be: a next hop with a small MTU, with and without the ICMP
that path MTU discovery lives on, a middlebox that forgets idle connections, and a firewall that answers a SYN-ACK with an
ICMP error. The kernels of the lab's two namespaces are the judges."""

import contextlib
import socket
import threading
import time
import unittest

import harness

SIZE = 1_000_000
IP_MTU = 14  # linux/in.h
IPV6_MTU = 24


class Transfer:
    """One TCP connection over which the far side sends SIZE bytes at once."""

    def __init__(self, lab, family=socket.AF_INET):
        self.received = 0
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(lab.far.socket(family))
            listener.bind((lab.far.address(family), 0))
            listener.listen()
            self.client = lab.near.socket(family)
            self.client.settimeout(10)
            self.client.connect(listener.getsockname())
            self.server, _ = listener.accept()
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._sender.start()
        self._reader.start()

    def _send(self):
        with contextlib.suppress(OSError):
            self.server.sendall(bytes(SIZE))

    def _read(self):
        with contextlib.suppress(OSError):
            while self.received < SIZE and (data := self.client.recv(1 << 16)):
                self.received += len(data)

    def is_complete(self):
        return self.received == SIZE

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._sender.join(10)
        self._reader.join(10)
        self.client.close()
        self.server.close()


class Mtu(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(harness.Lab())

    def drops(self, reason, direction="down"):
        return self.lab.stats()[direction]["total"]["dropped"][reason]

    def assert_discovered(self, family, level, option):
        self.lab.both(mtu="1400B")
        with Transfer(self.lab, family) as transfer:
            self.lab.wait("1 MB through an MTU of 1400", transfer.is_complete)
            self.assertEqual(1400, transfer.server.getsockopt(level, option), "what the sender's kernel has learnt")
        stats = self.lab.stats()
        self.assertGreater(stats["down"]["total"]["dropped"]["mtu"], 0)
        self.assertGreater(stats["up"]["total"]["originated"], 0)

    def test_path_mtu_discovery_over_ipv4(self):
        self.assert_discovered(socket.AF_INET, socket.IPPROTO_IP, IP_MTU)
        client = self.lab.near.address(socket.AF_INET)
        route = self.lab.far.run("ip", "route", "get", client).stdout
        self.assertIn("mtu 1400", route)

    def test_path_mtu_discovery_over_ipv6(self):
        self.assert_discovered(socket.AF_INET6, socket.IPPROTO_IPV6, IPV6_MTU)

    def test_a_black_hole_without_icmp(self):
        self.lab.both(mtu={"bytes": "1400B", "icmp": False})
        with Transfer(self.lab) as transfer:
            # The first large packet, and its retransmission, go nowhere.
            self.lab.wait("large packets dropped", lambda: self.drops("mtu") >= 12)
            self.assertEqual(0, transfer.received)
            self.assertEqual(0, self.lab.stats()["up"]["total"]["originated"])
            self.lab.both()
            self.lab.wait("1 MB, once the black hole is gone", transfer.is_complete, 20)

    def test_what_may_be_fragmented_is(self):
        self.lab.both(mtu="600B")
        with self.lab.far.socket(kind=socket.SOCK_DGRAM) as receiver, \
                self.lab.near.socket(kind=socket.SOCK_DGRAM) as sender:
            receiver.bind((self.lab.far.v4, 0))
            receiver.settimeout(10)
            sender.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: IP_PMTUDISC_DONT
            payload = bytes(range(256)) * 5
            sender.sendto(payload, receiver.getsockname())
            self.assertEqual(payload, receiver.recv(65536), "the receiving kernel puts the fragments together")
        self.assertEqual(2, self.lab.stats()["up"]["total"]["originated"])
        self.assertEqual(0, self.drops("mtu", "up"))


class IdleTimeout(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(harness.Lab())

    @contextlib.contextmanager
    def connected(self):
        with self.lab.far.socket() as listener, self.lab.near.socket() as client:
            listener.bind((self.lab.far.v4, 0))
            listener.listen()
            client.settimeout(10)
            client.connect(listener.getsockname())
            server, _ = listener.accept()
            with server:
                server.settimeout(10)
                client.sendall(b"hello")
                self.assertEqual(b"hello", server.recv(5))
                yield client, server

    def test_reset_is_seen_by_the_client(self):
        self.lab.both(idle_timeout={"time": "300ms", "then": "reset"})
        with self.connected() as (client, server):
            time.sleep(0.7)  # idle for longer than that
            client.sendall(b"are you there?")
            with self.assertRaises(ConnectionResetError):
                client.recv(1)
            server.settimeout(0.2)
            with self.assertRaises(TimeoutError, msg="the other end is told nothing"):
                server.recv(1)
        stats = self.lab.stats()
        self.assertGreaterEqual(stats["up"]["total"]["dropped"]["idle_timeout"], 1)
        self.assertGreaterEqual(stats["down"]["total"]["originated"], 1)

    def test_drop_is_silent(self):
        self.lab.both(idle_timeout="300ms")
        with self.connected() as (client, server):
            time.sleep(0.7)
            client.sendall(b"are you there?")
            self.lab.wait("the segment and its retransmissions dropped",
                          lambda: self.lab.stats()["up"]["total"]["dropped"]["idle_timeout"] >= 3)
            server.settimeout(0.1)
            with self.assertRaises(TimeoutError):
                server.recv(1)
            self.lab.both()
            server.settimeout(10)
            self.assertEqual(b"are you there?", server.recv(100), "the next retransmission, once nothing forgets")

    def test_a_new_connection_is_not_forgotten(self):
        self.lab.both(idle_timeout="300ms")
        for _ in range(2):
            with self.connected():
                time.sleep(0.5)


class RejectedSynAck(unittest.TestCase):
    """Row 46 of the table (icmp_about_syn_ack): an ICMP error about its SYN-ACK makes a server forget who asked. When the client asks again, the
    answer has another sequence number."""

    def setUp(self):
        self.lab = self.enterContext(harness.Lab())

    def half_open(self, port):
        """Handshakes that the server's kernel waits for."""
        return self.lab.far.run("ss", "-Htan", "state", "syn-recv", "sport", "=", f":{port}").stdout

    @contextlib.contextmanager
    def rejecting(self, port, what):
        near = self.lab.near
        near.run("sysctl", "-qw", "net.ipv4.icmp_ratemask=0", "net.ipv6.icmp.ratelimit=0")
        near.run("nft", "add table inet firewall; add chain inet firewall in { type filter hook input priority 0; }; "
                        f"add rule inet firewall in tcp sport {port} reject with icmpx type {what}")
        try:
            yield
        finally:
            near.run("nft", "delete table inet firewall")

    def assert_forgotten(self, family, what):
        self.lab.both(delay="100ms")
        with self.lab.far.socket(family) as listener, self.lab.near.socket(family) as client:
            listener.bind((self.lab.far.address(family), 0))
            listener.listen()
            port = listener.getsockname()[1]
            client.setblocking(False)
            with self.rejecting(port, what):
                client.connect_ex(listener.getsockname()[:2])
                self.lab.wait("a half-open handshake", lambda: self.half_open(port))
                connection, = self.lab.wait("a connection", lambda: self.lab.api.pages(f"/api/v1/connections?port={port}"))
                rows = self.lab.wait("row 46", lambda: [t for t in self.lab.transitions(connection["id"]) if t["row"] == 46])
                self.lab.wait("the server's kernel to forget it", lambda: not self.half_open(port))
            self.assertEqual({("server", "SYN_RECEIVED", "CLOSED", "delivered")},
                             {(t["side"], t["from"], t["to"], t["evidence"]) for t in rows})
            listener.settimeout(10)
            server, _ = listener.accept()
            server.close()
        seen = self.lab.transitions(connection["id"])
        answers = [t for t in seen if (t["side"], t["to"]) == ("server", "SYN_RECEIVED")]
        self.assertGreater(len({t["segment"]["seq"] for t in answers}), 1, seen)
        self.assertIn(("client", "ESTABLISHED"), [(t["side"], t["to"]) for t in seen])

    def test_over_ipv4(self):
        self.assert_forgotten(socket.AF_INET, "host-unreachable")

    def test_over_ipv6(self):
        self.assert_forgotten(socket.AF_INET6, "admin-prohibited")


if __name__ == "__main__":
    harness.main("nft", "ss")
