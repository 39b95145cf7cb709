"""What nothing is to happen to stays in the kernel: every packet is told all the same, in its order, nothing overtakes, and
a change is in force for the very next packet."""

import os
import re
import signal
import subprocess
import time
import unittest
import urllib.request

import harness
import ways

PORT = 7200
OPTIONS = ("auto", "user")


class Pair:
    """A client and a server with a link attached to the client, by a daemon of its own."""

    def __init__(self, test, *options):
        self.client, self.server, addresses = test.enterContext(ways.two_hosts())
        self.address = addresses[1]
        self.daemon = test.enterContext(ways.Daemon(*options))
        self.api = self.daemon.api
        self.daemon.create(name="pair", attach={"target": f"netns:{self.client.name}"})

    def patch(self, **both):
        answer = self.api.request("PATCH", "/api/v1/links/pair", {"both": both})
        assert answer.status == 200, answer

    def packets(self):
        """Led into the link, and of those what stayed: looked at once a second."""
        counts = self.counts()
        return counts["diverted"], counts["stayed"]

    def counts(self):
        def looked_at():
            return self.api.get("/api/v1/links/pair")["way_in"].get("packets")
        return self.daemon.wait("the counters", looked_at)

    def skip_if_silent(self, test):
        """What passes while the daemon does not show is neither told nor kept in order."""
        time.sleep(1.2)  # the counters are looked at once a second
        counts = self.counts()
        if counts["silenced"] or counts["overruns"]:
            test.skipTest(f"this machine was too busy: {counts}")

    def sent(self, direction="up"):
        return self.api.get("/api/v1/links/pair/stats")[direction]["total"]["packets_in"]

    def ping(self, count=1, interval=0.002):
        """Round trips in ms."""
        words = ("ping", "-n", "-c", str(count), "-i", str(interval), "-W", "2", self.address)
        return [float(ms) for ms in re.findall(r"time=([\d.]+) ms", self.client.run(*words).stdout)]


def segments(netns):
    """That its kernel has sent; those sent again are counted apart."""
    listing = netns.run("nstat", "-asz", "TcpOutSegs", "TcpRetransSegs").stdout
    return sum(int(line.split()[1]) for line in listing.splitlines()[1:])


class KernelPath(unittest.TestCase):
    def test_tells_the_same(self):
        """The same conversations with and without: the same transitions, the same bytes."""
        told = {}
        for path in OPTIONS:
            with self.subTest(path=path):
                pair = Pair(self, "--path", path)
                told[path] = self.conversations(pair)
                pair.daemon.wait("the counters", lambda: pair.packets()[0] > 0)
                diverted, stayed = pair.packets()
                print(f"--path {path}: {stayed} of {diverted} packets stayed")
                self.assertEqual(path == "auto", stayed > diverted / 2)
                detail = pair.api.get("/api/v1/links/pair")["way_in"]["detail"]
                self.assertEqual(path == "user", "all packets come to the daemon (--path user)" in detail, detail)
        self.assertEqual(told["user"], told["auto"])

    def conversations(self, pair):
        # Each kind of ending, twice: with a word, and with 2 MB.
        code = r"""
import socket, struct, sys
with socket.create_server(("", %d)) as listener:
    listener.settimeout(20)
    print("listens", flush=True)
    for turn in range(8):
        with listener.accept()[0] as s:
            s.settimeout(20)
            size = int(s.recv(16, socket.MSG_WAITALL))
            while size: size -= len(s.recv(min(size, 1 << 16)))
            s.sendall(b"thanks")
            if turn %% 4 == 1: s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif turn %% 4 == 2: s.shutdown(socket.SHUT_WR)
            if turn %% 4 != 1: s.recv(1)
""" % PORT
        server = pair.server.popen("python3", "-c", code, stdout=subprocess.PIPE, text=True)
        self.addCleanup(harness_end, server)
        self.assertEqual("listens\n", server.stdout.readline())
        client = r"""
import socket, sys
for turn in range(8):
    with socket.create_connection((sys.argv[1], %d), 20) as s:
        size = 5 if turn < 4 else 2000000
        s.sendall(b"%%16d" %% size + b"x" * size)
        try: s.recv(6, socket.MSG_WAITALL)
        except ConnectionResetError: continue  # it came before the word was read
        if turn %% 4 == 3: s.shutdown(socket.SHUT_WR)
        try: s.recv(1)
        except ConnectionResetError: pass
""" % PORT
        # Who says goodbye to nobody would wait for ever: turn 0's server waits for the client, so the client ends first.
        client = client.replace("        try: s.recv(1)", "        if turn % 4 == 0: continue\n        try: s.recv(1)")
        pair.client.run("python3", "-c", client, pair.address)
        self.assertEqual(0, server.wait(20))

        def ended():
            found = [c for c in pair.daemon.connections("pair") if c["server"]["port"] == PORT]
            return len(found) == 8 and all(c["end"] for c in found) and found
        found = sorted(pair.daemon.wait("the log", ended, 90), key=lambda c: c["id"])
        return [self.told_of(pair, c) for c in found]

    def told_of(self, pair, connection):
        # Whether a sender sends something again for nothing hangs on its timers, not on the path.
        ends = [(side["state"], side["unique_payload_bytes"]) for side in (connection["client"], connection["server"])]
        steps = [(t["side"], t["from"], t["to"]) for t in pair.daemon.transitions(connection["id"])]
        return connection["conn_state"], connection["end"], connection["closed_by"], ends, steps

    def test_counts_each_packet(self):
        """As the kernel counts the segments that it sends; also those that find no room in the ring, since the daemon
        stands still for a moment."""
        pair = Pair(self)
        pair.ping()
        before, ours = segments(pair.client), pair.sent()
        server = pair.server.popen("iperf3", "-s", "-1", "-p", str(PORT), stdout=subprocess.DEVNULL)
        self.addCleanup(harness_end, server)
        pair.daemon.wait("iperf3", lambda: str(PORT) in pair.server.run("ss", "-Htln").stdout)
        transfer = pair.client.popen("iperf3", "-c", pair.address, "-p", str(PORT), "-t", "3", stdout=subprocess.DEVNULL)
        for _ in range(10):
            time.sleep(0.2)
            os.kill(pair.daemon.process.pid, signal.SIGSTOP)
            time.sleep(0.1)
            os.kill(pair.daemon.process.pid, signal.SIGCONT)
        self.assertEqual(0, transfer.wait(60))
        server.wait(20)

        def settled():
            kernel = segments(pair.client) - before
            return kernel == pair.sent() - ours and kernel
        pair.skip_if_silent(self)
        kernel = pair.daemon.wait("the same count as the kernel's", settled, 10)
        connection = [c for c in pair.daemon.connections("pair") if c["client"]["payload_bytes"] > 1_000_000]
        self.assertEqual([0], [c["client"]["gaps"] for c in connection])
        print(f"{kernel} segments, {pair.packets()}")

    def test_a_change_is_in_force_for_the_next_packet(self):
        pair = Pair(self)
        for _ in range(25):
            pair.patch(delay="20ms")
            self.assertGreaterEqual(pair.ping()[0], 40)
            pair.patch(delay=None)
            self.assertLess(min(pair.ping(3)), 40)
        self.assertGreater(pair.daemon.wait("the counters", lambda: pair.packets()[1]), 0)

    def test_nothing_overtakes(self):
        """One stream, not too fast for this machine, while a delay comes and goes: its receiver finds all in order."""
        pair = Pair(self)
        receiver = pair.server.popen("python3", "-c", RECEIVER, str(PORT), stdout=subprocess.PIPE, text=True)
        self.addCleanup(harness_end, receiver)
        self.assertEqual("listens\n", receiver.stdout.readline())
        sender = pair.client.popen("python3", "-c", SENDER, pair.address, str(PORT))
        for _ in range(40):
            pair.patch(delay="1ms")
            time.sleep(0.02)
            pair.patch(delay=None)
            time.sleep(0.03)
        self.assertEqual(0, sender.wait(60))
        numbers, disorder = map(int, receiver.communicate(timeout=60)[0].split())
        diverted, stayed = pair.daemon.wait("the counters", lambda: pair.packets()[0] >= numbers and pair.packets())
        print(f"{numbers} datagrams, {stayed} of {diverted} packets stayed")
        pair.skip_if_silent(self)
        self.assertEqual(SENT, numbers)
        self.assertEqual(0, disorder)
        self.assertGreater(stayed, 0)
        self.assertGreater(diverted - stayed, 0)

    def test_a_capture_sees_whole_packets(self):
        """Each where it came and where it left; while nobody captured they stayed in the kernel."""
        pair = Pair(self)
        pair.ping()
        with urllib.request.urlopen(f"{pair.daemon.url}/api/v1/links/pair/capture?packets=20", timeout=20) as capture:
            pair.client.run("ping", "-n", "-c", "10", "-i", "0.01", "-s", "1000", "-p", "77", pair.address)
            # With the arrival of the last one it has what was asked for.
            self.assertIn(capture.read().count(b"\x77" * 900), (39, 40))


SENT = 20_000
SENDER = f"""
import socket, sys, time
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.connect((sys.argv[1], int(sys.argv[2])))
    begin = time.monotonic()
    for number in range({SENT}):
        s.send(b"%d" % number + b" " * 100)
        while time.monotonic() - begin < number / 8000: pass
    time.sleep(0.05)
    s.send(b"end")
"""
RECEIVER = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
    s.bind(("", int(sys.argv[1])))
    s.settimeout(40)
    print("listens", flush=True)
    numbers, last, disorder = 0, -1, 0
    while (word := s.recv(200)) != b"end":
        number = int(word)
        numbers, disorder, last = numbers + 1, disorder + (number < last), max(last, number)
print(numbers, disorder)
"""


def harness_end(process):
    if process.poll() is None:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


if __name__ == "__main__":
    harness.main("iperf3", "nstat", "ping", "ss")
