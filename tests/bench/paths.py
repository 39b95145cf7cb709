"""Paths to measure over: each is a context manager with `client` and `server`, prefixes that run a command on that side."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import urllib.request

BUILD = pathlib.Path(os.environ.get("WOBBLE_RELEASE", "build/release")).resolve()
TRAFFIC = BUILD / "tests/bench/bench_traffic"
PREFIX = f"wobble-bench-{os.getpid()}"
LARGE_BUFFERS = 32 << 20
# What 40 to 50 ms hold at 10 Gbit/s, twice over: with less it is the window that is measured, and jitter that lengthens the round trip.
BUFFERS_FOR_DELAY = 192 << 20


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Path:
    """What all have in common. `client`, `server` and `server_address` are there while it is entered."""

    buffers = LARGE_BUFFERS
    forwarder = None  # (process, thread) whose CPU time counts, if there is one

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        with self.stack:
            self.build()
            for side in (self.client, self.server):
                limits = (f"net.ipv4.tcp_rmem=4096 131072 {self.buffers}", f"net.ipv4.tcp_wmem=4096 65536 {self.buffers}")
                # iperf3 chooses its algorithm once it is connected. A socket that began with bbr, where that is the system's choice, stays
                # paced by timers whatever comes after: then it is those that are measured.
                subprocess.run([*side, "sysctl", "-qw", *limits, "net.ipv4.tcp_congestion_control=reno"], check=True)
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def namespaces(self, *roles):
        names = [f"{PREFIX}-{role}" for role in roles]
        for name in names:
            ip("netns", "add", name)
            self.stack.callback(subprocess.run, ["ip", "netns", "del", name], stderr=subprocess.DEVNULL)
            ip("-n", name, "link", "set", "lo", "up")
        return names

    def forwarder_cpu(self):
        """Seconds of CPU the forwarder has used; None if the kernel forwards."""
        if self.forwarder is None:
            return None
        process, thread = self.forwarder
        for task in pathlib.Path(f"/proc/{process}/task").iterdir():
            if thread in (None, (task / "comm").read_text().strip()):
                return int((task / "schedstat").read_text().split()[0]) / 1e9
        raise RuntimeError(f"{self.name}: there is no forwarder")


class KernelPath(Path):
    """client ── veth ── router ── veth ── server: the kernel forwards, nobody is in between."""

    server_address = "10.78.2.2"

    def build(self):
        client, router, server = self.namespaces("client", "router", "server")
        for number, host in ((1, client), (2, server)):
            ip("-n", host, "link", "add", "e0", "type", "veth", "peer", "name", f"r{number}", "netns", router)
            ip("-n", host, "addr", "add", f"10.78.{number}.2/24", "dev", "e0")
            ip("-n", router, "addr", "add", f"10.78.{number}.1/24", "dev", f"r{number}")
            ip("-n", host, "link", "set", "e0", "up")
            ip("-n", router, "link", "set", f"r{number}", "up")
            ip("-n", host, "route", "add", "default", "via", f"10.78.{number}.1")
        subprocess.run(["ip", "netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
        self.client = ["ip", "netns", "exec", client]
        self.server = ["ip", "netns", "exec", server]
        self.router = router


def start_daemon(path, *options):
    """A wobbled that ends with the path; its URL is the path's."""
    folder = path.stack.enter_context(tempfile.TemporaryDirectory(prefix="wobble-bench-"))
    daemon = subprocess.Popen([BUILD / "wobbled", "--listen", "127.0.0.1:0", "--db", f"{folder}/db", *options],
                              stdout=subprocess.PIPE, text=True)
    path.stack.callback(end, daemon)
    line = daemon.stdout.readline()
    if "http" not in line:
        raise RuntimeError("wobbled did not start")
    path.url = line.split()[-1].rstrip("/")
    path.forwarder = (daemon.pid, "wobble-link")


def send(url, body, method):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)
    urllib.request.urlopen(request).close()


class AttachedPath(KernelPath):
    """The kernel's path, with a clean link attached to the client, for all traffic or for what is given."""

    def __init__(self, name, attach=None):
        super().__init__(name)
        self.attach = attach or {}

    def build(self):
        super().build()
        start_daemon(self)
        send(f"{self.url}/api/v1/links", {"attach": {"target": f"netns:{self.client[-1]}", **self.attach}}, "POST")


class NetemPath(KernelPath):
    """The kernel's own emulator, on the router's way to the server."""

    def __init__(self, name, *netem):
        super().__init__(name)
        self.netem = netem

    @staticmethod
    def is_present():
        name = f"{PREFIX}-netem"
        ip("netns", "add", name)
        try:
            return subprocess.run(["tc", "-n", name, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"],
                                  stderr=subprocess.DEVNULL).returncode == 0
        except FileNotFoundError:
            return False
        finally:
            ip("netns", "del", name)

    def build(self):
        super().build()
        subprocess.run(["tc", "-n", self.router, "qdisc", "add", "dev", "r2", "root", "netem", *self.netem], check=True)


class BarePath(Path):
    """client ── TUN ── read and write, one packet at a time ── TUN ── server: the least a program in between can do."""

    server_address = "10.79.1.1"

    def build(self):
        client, server = self.namespaces("client", "server")
        loop = subprocess.Popen([TRAFFIC, "loop", client, "t0", server, "t1"], stdout=subprocess.PIPE, text=True)
        self.stack.callback(end, loop)
        if loop.stdout.readline() != "ready\n":
            raise RuntimeError("the bare loop did not start")
        for host, device, mine, other in ((client, "t0", "10.79.0.1", "10.79.1.1"), (server, "t1", "10.79.1.1", "10.79.0.1")):
            ip("-n", host, "addr", "add", f"{mine}/32", "peer", other, "dev", device)
            ip("-n", host, "link", "set", device, "up", "txqueuelen", "10000")
        self.client = ["ip", "netns", "exec", client]
        self.server = ["ip", "netns", "exec", server]
        self.forwarder = (loop.pid, None)


class WobblePath(Path):
    """client ── TUN near ── wobbled ── TUN far ── server, with the conditions given, each way."""

    server_address = "10.77.1.1"

    def __init__(self, name, conditions=None, options=()):
        super().__init__(name)
        self.conditions, self.options = conditions or {}, options

    def build(self):
        start_daemon(self, "--lab", *self.options)
        self.put({"up": self.conditions, "down": self.conditions})
        link = self.get("/api/v1/links/lab")
        self.client = ["nsenter", f"--net={link['near']['netns']}"]
        self.server = ["nsenter", f"--net={link['far']['netns']}"]

    def put(self, conditions):
        send(f"{self.url}/api/v1/links/lab", conditions, "PUT")

    def get(self, path):
        with urllib.request.urlopen(f"{self.url}{path}") as answer:
            return json.load(answer)


def mahimahi():
    """mm-delay, if somebody has it on the path."""
    return shutil.which("mm-delay")


def end(process):
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    if process.stdout:
        process.stdout.close()
