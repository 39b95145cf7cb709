"""Everything at once under `--memory 256MB`, in a control group of 400 MB: packets that wait for an hour, new
connections, captures, traces, the worst requests, answers that nobody reads. The daemon is not killed, goes on to answer,
and gives the memory back afterwards. Seconds of it: WOBBLE_SECONDS."""

import contextlib
import http.client
import json
import os
import pathlib
import random
import socket
import threading
import time
import unittest

import harness
import worst_requests

SECONDS = float(os.environ.get("WOBBLE_SECONDS", "15"))
MIB = 1 << 20
LIMIT = 400 * MIB
LEFT = 20 * MIB  # may be kept afterwards, beside what it had at the start
PER_CONNECTION = 1024  # of those that it still follows
PORT = 9200
LONG = worst_requests.steps({"for": "1s", "both": {"delay": {"time": "80ms", "jitter": "5ms"}, "loss": "2%"}})


class Group:
    """A control group of ours that limits memory, of version 2 or 1; None where we may not make one."""

    def __init__(self, path, limit_file, limit):
        self.path = path
        path.mkdir()
        try:
            (path / limit_file).write_text(str(limit))
        except OSError:
            path.rmdir()
            raise

    @classmethod
    def make(cls, limit):
        for root, file in (("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")):
            with contextlib.suppress(OSError):
                return cls(pathlib.Path(root) / harness.PREFIX, file, limit)
        return None

    def starter(self):
        """Words before a command, which then starts within the group."""
        return ["sh", "-c", f'echo 0 >{self.path}/cgroup.procs && exec "$@"', "sh"]

    def remove(self):
        for _ in range(100):
            with contextlib.suppress(OSError):
                return self.path.rmdir()
            time.sleep(0.05)


def rss(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024


class MemoryBound(unittest.TestCase):
    def setUp(self):
        self.group = Group.make(LIMIT)
        if self.group is None:
            self.skipTest("no control group can be made here")
        self.addCleanup(self.group.remove)
        self.lab = harness.Lab("--memory", "256MB", command=[*self.group.starter(), harness.DAEMON])
        self.addCleanup(self.lab.stop)
        self.ending = threading.Event()
        self.threads = []

    def begin(self, job):
        """Again and again, until the end. What the daemon refuses is its right; that it hangs up, too."""
        def run():
            while not self.ending.is_set():
                with contextlib.suppress(OSError, AssertionError):
                    job()
        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def packets(self):
        """Small ones and large ones, which the link keeps."""
        size = random.choice([20, 1400])
        sender = self.lab.near.socket(kind=socket.SOCK_DGRAM)
        with sender:
            for _ in range(500):
                sender.sendto(bytes(size), (self.lab.far.v4, PORT))
        time.sleep(0.01)

    def connections(self):
        with self.lab.near.socket() as one:
            one.setblocking(False)
            one.connect_ex((self.lab.far.v4, random.randrange(10_000, 60_000)))
        time.sleep(0.005)  # how many are followed at once has a bound of its own, --connections

    def requests(self):
        api = harness.Api(self.lab.url)
        body = random.choice([*worst_requests.WORST.values(), worst_requests.HONEST, self.traces, LONG, LONG])
        answer = api.request("PATCH", worst_requests.LINK, body)
        if answer.status == 200:
            api.request("PATCH", worst_requests.LINK, {"scenario": None})
        api.close()

    def slow_readers(self):
        """Questions with long answers, streams and captures, whose answers stay unread for a while."""
        port = int(self.lab.url.rsplit(":", 1)[1])
        paths = ["/api/v1/connections?limit=1000", "/api/v1/events?limit=1000", "/api/v1/events?since=0", "/api/v1/openapi.json",
                 "/api/v1/links/lab/capture"]
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                reader = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
                path = random.choice(paths)
                accept = "text/event-stream" if "since" in path else "*/*"
                reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: {accept}\r\n\r\n".encode())
            self.ending.wait(1)

    def questions(self):
        api = harness.Api(self.lab.url)
        api.get("/api/v1/events?limit=1000")
        api.get("/api/v1/connections?limit=1000")
        api.close()

    def ask_for_health(self):
        """By a new connection, and if that gave way to the many others of the same user, by another."""
        for tries_left in (2, 1, 0):
            api = harness.Api(self.lab.url)
            try:
                return self.assertEqual(200, api.request("GET", "/healthz").status)
            except http.client.RemoteDisconnected:
                if not tries_left:
                    raise
            finally:
                api.close()

    def test_is_kept(self):
        trace = os.path.join(self.lab.directory, "some.trace")
        with open(trace, "w", encoding="ascii") as file:
            file.writelines(f"{k}\n" for k in range(1, 100_001))
        self.traces = json.dumps({"scenario": [{"for": "1s", "up": {"trace": trace}}] * 60})
        warm = [threading.Thread(target=self.questions) for _ in range(16)]  # every reader of the log has its cache
        for thread in warm:
            thread.start()
        for thread in warm:
            thread.join()
        start = rss(self.lab.process.pid)
        self.lab.patch({"up": {"delay": "10m"}})
        for job in (self.packets, self.connections, self.requests, self.requests, self.questions, self.slow_readers, self.slow_readers):
            self.begin(job)
        highest, until = 0, time.monotonic() + SECONDS
        try:
            while time.monotonic() < until:
                self.ask_for_health()
                highest = max(highest, rss(self.lab.process.pid))
                time.sleep(0.2)
        finally:
            self.ending.set()
            for thread in self.threads:
                thread.join()
        dropped = self.lab.stats()["up"]["total"]["dropped"]["memory"]
        print(f"at the start {start / MIB:.0f} MiB, at most {highest / MIB:.0f}; {dropped} packets had no room")
        self.lab.api.request("POST", worst_requests.LINK + "/reset")
        self.lab.patch({"up": {"outage": {"on": True, "drop_in_flight": True}}})
        self.lab.api.request("POST", worst_requests.LINK + "/reset")
        self.lab.wait_empty()
        connections = self.lab.stats()["connections"]
        most = start + LEFT + PER_CONNECTION * connections
        for _ in range(100):
            if (now := rss(self.lab.process.pid)) <= most:
                break
            time.sleep(0.2)
        print(f"afterwards {now / MIB:.0f} MiB, with {connections} connections")
        self.assertLessEqual(now, most)
        self.assertEqual(0, self.lab.stop())


if __name__ == "__main__":
    harness.main()
