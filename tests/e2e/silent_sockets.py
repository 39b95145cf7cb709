"""Clients that say nothing, half of something, drip, never read, or come and go as fast as they can cost others nothing;
and none of them keeps the daemon from its end."""

import contextlib
import signal
import socket
import statistics
import subprocess
import sys
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
NOBODY = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--pdeathsig", "KILL", "--"]
#: how a client of a flood leaves, when it has sent its request or nothing
FLOODS = ["reset", "close", "reset unsaid", "close unsaid"]
FLOOD = """if True:
    import socket, struct, sys, threading, time
    host, port, kind, seconds = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    end = time.monotonic() + seconds
    def flood():
        while time.monotonic() < end:
            try:
                peer = socket.create_connection((host, port), timeout=5)
                if kind.startswith("reset"):
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if not kind.endswith("unsaid"):
                    peer.sendall(b"GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
                peer.close()
            except OSError:
                pass
    threads = [threading.Thread(target=flood, daemon=True) for _ in range(300)]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    while time.monotonic() < end:
        time.sleep(0.05)
    """
HOLD = """if True:
    import socket, sys
    peers = []
    for _ in range(int(sys.argv[3])):
        peers.append(socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5))
        peers[-1].sendall(b"GET /healthz HTTP/1.1\\r\\nHost: local")
    print("ready", flush=True)
    sys.stdin.read()
    """


@contextlib.contextmanager
def nobody(lab, script, *arguments):
    """Another user's program, which has said that it is ready."""
    words = [*NOBODY, sys.executable, "-c", script, lab.api.host, str(lab.api.port), *map(str, arguments)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        try:
            assert program.stdout.readline() == b"ready\n"
            yield program
        finally:
            program.kill()


def setUpModule():
    harness.private_machine()  # a flood leaves no address to connect from


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

    def test_whoever_comes_and_goes(self):
        for kind in FLOODS:
            with self.subTest(kind):
                with nobody(self.lab, FLOOD, kind, 4) as flood:
                    took = []
                    while flood.poll() is None:
                        begin = time.monotonic()
                        self.health(1)
                        took.append(time.monotonic() - begin)
                        self.lab.patch({"up": {"delay": "1ms"}})
                print(f"{kind}: {len(took)} times, /healthz at most {max(took) * 1000:.0f} ms", flush=True)
                self.assertLessEqual(self.health(), 1)
        with nobody(self.lab, FLOOD, FLOODS[0], 60):
            time.sleep(1)
            self.assert_ends()

    def test_descriptors_do_not_run_out(self):
        for limit in (120, 160, 400):
            with self.subTest(limit):
                command = ["prlimit", f"--nofile={limit}", "--", harness.DAEMON]
                with harness.Lab("--demo", command=command) as lab, nobody(lab, HOLD, 230):
                    for _ in range(10):
                        begin = time.monotonic()
                        api = harness.Api(lab.url)
                        self.assertTrue(api.get("/healthz")["ok"])
                        answer = api.request("PATCH", "/api/v1/links/lab", {"up": {"delay": "1ms"}})
                        self.assertEqual(200, answer.status, answer)
                        api.close()
                        self.assertLess(time.monotonic() - begin, 3)
                    self.assertEqual(0, lab.stop(signal.SIGTERM))

    def assert_ends(self):
        """Within 3 s, beside what an end takes here anyway."""
        with harness.Lab() as idle:
            begin = time.monotonic()
            self.assertEqual(0, idle.stop(seconds=30))
            yardstick = time.monotonic() - begin
        begin = time.monotonic()
        self.assertEqual(0, self.lab.stop(seconds=30))
        took = time.monotonic() - begin
        print(f"the end: idle {yardstick:.2f} s, with all of them {took:.2f} s", flush=True)
        self.assertLessEqual(took, 3 + 2 * yardstick)

    def test_the_end_waits_for_none(self):
        for data in KINDS.values():
            for _ in range(10):
                self.connect(data)
        far = [self.lab.near.socket() for _ in range(5)]
        for peer in far:  # and such as talk to the lab's server
            self.stack.callback(peer.close)
            peer.settimeout(10)
            peer.connect((self.lab.far.v4, 80))
            peer.sendall(b"GET /slow?ms=60000 HTTP/1.1\r\nHost: lab\r\n\r\n")
        self.assert_ends()


if __name__ == "__main__":
    harness.main()
