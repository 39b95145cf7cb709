"""TCP lives: iperf3 and 50 MB with known content, both directions, through delay, jitter, loss, reordering and
duplicates, arrive intact.

With the kernel's bbr one stream carries the 50 MB. Loss of 1 % at 40 ms holds one stream of a loss-based control at
MSS / RTT * 1.22 / sqrt(p) = 3.5 Mbit/s (Mathis), two minutes for 50 MB; where there is no bbr, sixteen share it."""

import hashlib
import json
import select
import socket
import subprocess
import threading
import time
import unittest

import harness

SIZE = 50_000_000
CONDITIONS = {"delay": {"time": "20ms", "jitter": "5ms"}, "loss": "1%", "reorder": {"percent": "1%", "by": "3packets"},
              "duplicate": "1%"}
IPERF_PORT = 5201


def content(offset, length):
    """Bytes that depend on their place, so that none can be missing, doubled or moved unseen."""
    block = 1 << 16
    out = bytearray()
    first = offset // block
    while len(out) < length + offset - first * block:
        number = first + len(out) // block
        out += (number.to_bytes(8, "big") + bytes(range(248))) * (block // 256)
    start = offset - first * block
    return bytes(out[start:start + length])


class TcpLives(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(harness.Lab())
        cls.streams = 1
        for side in (cls.lab.near, cls.lab.far):
            with side.entered():
                with open("/proc/sys/net/ipv4/tcp_available_congestion_control", encoding="ascii") as file:
                    has_bbr = "bbr" in file.read().split()
                if has_bbr:
                    with open("/proc/sys/net/ipv4/tcp_congestion_control", "w", encoding="ascii") as file:
                        file.write("bbr")
            if not has_bbr:
                cls.streams = 16

    def setUp(self):
        self.lab.both(**CONDITIONS)

    def tearDown(self):
        stats = self.lab.stats()
        for direction in ("up", "down"):
            counters = stats[direction]["since_change"]
            self.assertGreater(counters["dropped"]["loss"], 0, "the link was not lossy at all")
            self.assertGreater(counters["duplicated"], 0)
            self.assertGreater(counters["reordered"], 0)
            self.assertEqual(0, counters["dropped"]["memory"] + counters["dropped"]["malformed"])
        self.assertEqual(0, stats["events_lost"])

    def say(self, what, began, size=SIZE):
        took = time.monotonic() - began
        print(f"{what}: {took:.1f} s, {8 * size / took / 1e6:.1f} Mbit/s, {self.streams} streams", flush=True)

    def carry(self, source, sink):
        """50 MB from source to sink over sockets of our own, in self.streams shares: was each byte right?"""
        listener = sink.socket()
        listener.bind((sink.v4, 0))
        listener.listen(64)
        share = SIZE // self.streams
        failures = []

        def send(number):
            with source.socket() as out:
                out.connect(listener.getsockname())
                out.sendall(number.to_bytes(4, "big"))
                for offset in range(0, share, 1 << 20):
                    out.sendall(content(number * share + offset, min(1 << 20, share - offset)))
                out.shutdown(socket.SHUT_WR)
                out.recv(1)

        def receive(peer):
            with peer:
                data = bytearray()
                while chunk := peer.recv(1 << 18):
                    data += chunk
                number = int.from_bytes(data[:4], "big")
                if hashlib.sha256(data[4:]).digest() != hashlib.sha256(content(number * share, share)).digest():
                    failures.append(f"share {number}: {len(data) - 4} bytes of {share}, or not those sent")

        senders = [threading.Thread(target=send, args=(n,), daemon=True) for n in range(self.streams)]
        receivers = []
        for sender in senders:
            sender.start()
        with listener:
            for _ in senders:
                self.assertTrue(select.select([listener], [], [], 30)[0], "no connection")
                receivers.append(threading.Thread(target=receive, args=(listener.accept()[0],), daemon=True))
                receivers[-1].start()
            for thread in receivers + senders:
                thread.join(120)
                self.assertFalse(thread.is_alive(), "not done in two minutes")
        self.assertEqual([], failures)

    def test_upload(self):
        began = time.monotonic()
        self.carry(self.lab.near, self.lab.far)
        self.say("50 MB up", began)

    def test_download(self):
        began = time.monotonic()
        self.carry(self.lab.far, self.lab.near)
        self.say("50 MB down", began)

    def test_download_from_the_labs_server(self):
        """The same bytes as without impairments, and as many as asked for."""
        size = SIZE // 5
        self.lab.put()
        clean = self.fetch(size)
        self.lab.both(**CONDITIONS)
        began = time.monotonic()
        self.assertEqual(clean, self.fetch(size))
        self.say("10 MB over HTTP", began, size)

    def fetch(self, size):
        digest, length = hashlib.sha256(), 0
        process = self.lab.near.popen("curl", "-sS", "--fail", "-m", "110",
                                      f"http://{self.lab.far.v4}/bytes/{size}", stdout=subprocess.PIPE)
        while chunk := process.stdout.read(1 << 18):
            digest.update(chunk)
            length += len(chunk)
        process.stdout.close()
        self.assertEqual(0, process.wait(10))
        self.assertEqual(size, length)
        return digest.hexdigest()

    def iperf(self, *options):
        server = self.lab.far.popen("iperf3", "-s", "-1", "-p", str(IPERF_PORT), stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
        try:
            self.lab.wait("iperf3 to listen", lambda: str(IPERF_PORT) in self.lab.far.run("ss", "-Htln").stdout)
            out = self.lab.near.run("iperf3", "-c", self.lab.far.v4, "-p", str(IPERF_PORT), "-t", "4", "-J", *options,
                                    check=False, timeout=60)
        finally:
            server.terminate()
            server.wait(10)
        report = json.loads(out.stdout)
        self.assertNotIn("error", report)
        received = report["end"]["sum_received"]
        print(f"iperf3 {' '.join(options)}: {received['bits_per_second'] / 1e6:.1f} Mbit/s, "
              f"{report['end']['sum_sent'].get('retransmits')} retransmissions", flush=True)
        self.assertGreater(received["bytes"], 500_000)

    def test_iperf3_up(self):
        self.iperf()

    def test_iperf3_down(self):
        self.iperf("-R")


if __name__ == "__main__":
    harness.main("iperf3", "curl", "ss")
