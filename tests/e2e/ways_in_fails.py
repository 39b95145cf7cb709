"""When the daemon is killed: traffic flows on unimpaired (fail open) or is blocked (fail closed). And many links at once:
50 attached namespaces on one daemon, each under its own conditions. In a machine of this test's own."""

import os
import re
import signal
import subprocess
import sys
import unittest

import harness
import plain_server
import ways

LENGTH = 100_000_000
RATE = 50_000_000  # bytes in a second, so that the transfer lasts a while

# Reads an answer; prints its length, SHA-256 and the longest time without a byte, and a line once a quarter is there.
READER = """
import hashlib, socket, sys, time
peer = socket.create_connection((sys.argv[1], 80), timeout=20)
peer.sendall(b"GET /%s HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n" % sys.argv[2].encode())
data = b""
while b"\\r\\n\\r\\n" not in data:
    data += peer.recv(65536)
data = data.split(b"\\r\\n\\r\\n", 1)[1]
length, digest, gap, last, told = 0, hashlib.sha256(), 0.0, time.monotonic(), False
whole = int(sys.argv[2])
while True:
    length += len(data)
    digest.update(data)
    if not told and length > whole / 4:
        print("a quarter", flush=True)
        told = True
    if length >= whole:
        break
    data = peer.recv(1 << 20)
    now = time.monotonic()
    gap, last = max(gap, now - last), now
    if not data:
        break
print(length, digest.hexdigest(), gap)
"""


def setUpModule():
    harness.private_machine()


class Killed(unittest.TestCase):
    def setUp(self):
        self.client, self.server = ways.Netns(), ways.Netns()
        self.addCleanup(self.client.close)
        self.addCleanup(self.server.close)
        _, self.v4, _, self.v6 = ways.wire(self.client, self.server, 1)
        self.before = ways.machine(self.client)
        self.daemon = ways.Daemon()
        self.addCleanup(self.daemon.stop)

    def check_transfer(self, address):
        reader = self.client.popen("python3", "-c", READER, address, str(LENGTH), stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual("a quarter\n", reader.stdout.readline())
            self.daemon.stop(signal.SIGKILL)
            length, digest, gap = reader.stdout.read().split()
            reader.wait(10)
            print(f"killed during a transfer over {address}: {length} bytes, longest gap {1e3 * float(gap):.0f} ms")
            self.assertEqual(LENGTH, int(length))
            self.assertEqual(plain_server.pattern_sum(LENGTH), digest)
        finally:
            reader.stdout.close()

    def test_open_ipv4(self):
        self.server.serve(80, str(RATE))
        self.daemon.create(attach={"target": f"netns:{self.client.name}"}, both={"delay": "5ms"})
        self.check_transfer(self.v4)
        with ways.Daemon():
            self.assertEqual(self.before, ways.machine(self.client))

    def test_open_ipv6(self):
        self.server.serve(80, str(RATE))
        self.daemon.create(attach={"target": f"netns:{self.client.name}"}, both={"delay": "5ms"})
        self.check_transfer(self.v6)

    def test_closed(self):
        self.server.serve(80)
        self.server.serve(81)
        self.daemon.create(attach={"target": f"netns:{self.client.name}", "ports": [80], "fail": "closed"})
        for address in (self.v4, f"[{self.v6}]"):
            self.client.run("curl", "-sS", "-m", "5", "-o", "/dev/null", f"http://{address}/")
        self.daemon.stop(signal.SIGKILL)
        for address in (self.v4, f"[{self.v6}]"):
            blocked = self.client.run("curl", "-sS", "-m", "2", "-o", "/dev/null", f"http://{address}/", check=False)
            self.assertIn(blocked.returncode, (7, 28), blocked)
            self.client.run("curl", "-sS", "-m", "5", "-o", "/dev/null", f"http://{address}:81/")
        with ways.Daemon():
            self.assertEqual(self.before, ways.machine(self.client))


class Many(unittest.TestCase):
    COUNT = 50

    def test_fifty_namespaces(self):
        hub = ways.Netns()
        self.addCleanup(hub.close)
        hub.serve(80)
        clients = [ways.Netns() for _ in range(self.COUNT)]
        for client in clients:
            self.addCleanup(client.close)
        with ways.Daemon() as daemon:
            before = figures(daemon.process.pid)
            for n, client in enumerate(clients):
                ways.wire(client, hub, n + 1, names=("e0", f"e{n}"))
                daemon.create(name=f"c{n}", attach={"target": f"netns:{client.name}"}, both={"delay": f"{n + 1}ms"})
            told = {link["name"]: link["up"]["delay"]["time"] for link in daemon.api.get("/api/v1/links")["items"]}
            self.assertEqual({f"c{n}": f"{n + 1}ms" for n in range(self.COUNT)}, told)
            for n, client in enumerate(clients):
                times = ways.connect_times(client, f"http://10.88.{n + 1}.2/", 3)
                self.assertGreaterEqual(min(times), 2e-3 * (n + 1) - 0.0001, n)
                self.assertLess(min(times), 2e-3 * (n + 1) + 0.05, n)
            after = figures(daemon.process.pid)
            print(f"{self.COUNT} links: {after['Threads']} threads (before {before['Threads']}), resident "
                  f"{after['VmRSS'] // 1024} MB (before {before['VmRSS'] // 1024} MB)")
            self.assertLess(after["VmRSS"] - before["VmRSS"], self.COUNT * 40 * 1024)
            daemon.delete("c0")
            self.assertEqual(self.COUNT - 1, len(daemon.api.get("/api/v1/links")["items"]))
            self.assertEqual(0, daemon.stop(seconds=30))
        for client in clients:
            self.assertNotIn("790", client.run("ip", "rule").stdout)
            self.assertNotIn("wob0", client.run("ip", "link").stdout)
        self.assertFalse(os.path.exists("/run/wobble"))


def figures(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return {key: int(value) for key, value in re.findall(r"(Threads|VmRSS):\s+(\d+)", file.read())}


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    harness.main("curl", "sysctl", "ss", "nft")
