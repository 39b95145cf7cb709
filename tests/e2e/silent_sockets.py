"""Clients that say nothing, half of something, drip or never read cost others nothing; and none of them keeps the daemon
from its end."""

import contextlib
import socket
import statistics
import time
import unittest

import harness

POST = b"POST /api/v1/annotations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n"
KINDS = {
    "nothing said": b"",
    "half a head": b"GET /healthz HTTP/1.1\r\nHost: local",
    "a dripping body": POST + b"{",
    "never read": b"GET /vendor/uPlot.esm.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3,
    "streams": b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
}
SOCKETS = 300


class SilentSockets(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(harness.Lab())
        self.stack = self.enterContext(contextlib.ExitStack())

    def connect(self, data):
        peer = socket.socket()
        self.stack.callback(peer.close)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.settimeout(10)
        peer.connect((self.lab.api.host, self.lab.api.port))
        with contextlib.suppress(OSError):  # one that gave way to another meanwhile
            peer.sendall(data)
        return peer

    def health(self, times=30):
        """Median of the times that a question and its answer take, each on a connection of its own; seconds."""
        took = []
        for _ in range(times):
            begin = time.monotonic()
            api = harness.Api(self.lab.url)
            self.assertTrue(api.get("/healthz")["ok"])
            took.append(time.monotonic() - begin)
            api.close()
        return statistics.median(took)

    def test_they_cost_nothing(self):
        for kind, data in KINDS.items():
            with self.subTest(kind):
                alone = self.health()
                peers = [self.connect(data) for _ in range(SOCKETS)]
                beside = self.health()
                print(f"{kind}: /healthz alone {alone * 1000:.1f} ms, beside {SOCKETS} of them {beside * 1000:.1f} ms", flush=True)
                self.assertLessEqual(beside, 0.05 + 10 * alone)
                self.lab.patch({"up": {"delay": "1ms"}})
                self.lab.stats()
                for peer in peers:
                    peer.close()

    def test_the_end_waits_for_none(self):
        with harness.Lab() as idle:
            begin = time.monotonic()
            self.assertEqual(0, idle.stop(seconds=30))
            yardstick = time.monotonic() - begin
        for data in KINDS.values():
            for _ in range(10):
                self.connect(data)
        far = [self.lab.near.socket() for _ in range(5)]
        for peer in far:  # and such as talk to the lab's server
            self.stack.callback(peer.close)
            peer.settimeout(10)
            peer.connect((self.lab.far.v4, 80))
            peer.sendall(b"GET /slow?ms=60000 HTTP/1.1\r\nHost: lab\r\n\r\n")
        begin = time.monotonic()
        self.assertEqual(0, self.lab.stop(seconds=30))
        took = time.monotonic() - begin
        print(f"the end: idle {yardstick:.2f} s, with all of them {took:.2f} s", flush=True)
        self.assertLessEqual(took, 3 + 2 * yardstick)


if __name__ == "__main__":
    harness.main()
