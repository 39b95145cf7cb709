"""Paths to measure over: each is a context manager with `client` and `server`, prefixes that run a command on that side."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import urllib.request

BUILD = pathlib.Path(os.environ.get("WOBBLE_RELEASE", "build/release")).resolve()


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class KernelPath:
    """client ── veth ── router ── veth ── server: the kernel forwards, nobody is in between."""

    name = "kernel"
    server_address = "10.78.2.2"

    def __enter__(self):
        prefix = f"wobble-bench-{os.getpid()}"
        self.names = [f"{prefix}-{role}" for role in ("client", "router", "server")]
        client, router, server = self.names
        try:
            for name in self.names:
                ip("netns", "add", name)
                ip("-n", name, "link", "set", "lo", "up")
            for number, host in ((1, client), (2, server)):
                ip("-n", host, "link", "add", "e0", "type", "veth", "peer", "name", f"r{number}", "netns", router)
                ip("-n", host, "addr", "add", f"10.78.{number}.2/24", "dev", "e0")
                ip("-n", router, "addr", "add", f"10.78.{number}.1/24", "dev", f"r{number}")
                ip("-n", host, "link", "set", "e0", "up")
                ip("-n", router, "link", "set", f"r{number}", "up")
                ip("-n", host, "route", "add", "default", "via", f"10.78.{number}.1")
            subprocess.run(["ip", "netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
        except BaseException:
            self.__exit__()
            raise
        self.client = ["ip", "netns", "exec", client]
        self.server = ["ip", "netns", "exec", server]
        return self

    def __exit__(self, *_):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)

    def forwarder_cpu(self):
        return None


class WobblePath:
    """client ── TUN near ── wobbled ── TUN far ── server, with the conditions given."""

    server_address = "10.77.1.1"

    def __init__(self, name, conditions=None, options=()):
        self.name, self.conditions, self.options = name, conditions or {}, options

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        with self.stack:
            folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="wobble-bench-"))
            self.daemon = subprocess.Popen([BUILD / "wobbled", "--lab", "--listen", "127.0.0.1:0", "--db", f"{folder}/db",
                                            *self.options], stdout=subprocess.PIPE, text=True)
            self.stack.callback(self.stop)
            line = self.daemon.stdout.readline()
            if "http" not in line:
                raise RuntimeError("wobbled did not start")
            self.url = line.split()[-1].rstrip("/")
            self.patch(self.conditions)
            link = json.load(urllib.request.urlopen(f"{self.url}/api/v1/links/lab"))
            self.client = ["nsenter", f"--net={link['near']['netns']}"]
            self.server = ["nsenter", f"--net={link['far']['netns']}"]
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(20)
        self.daemon.stdout.close()

    def patch(self, conditions):
        request = urllib.request.Request(f"{self.url}/api/v1/links/lab", json.dumps(conditions).encode(),
                                         {"Content-Type": "application/json"}, method="PUT")
        urllib.request.urlopen(request).close()

    def forwarder_cpu(self):
        """Seconds of CPU the forwarder's thread has used."""
        for task in pathlib.Path(f"/proc/{self.daemon.pid}/task").iterdir():
            stat = (task / "stat").read_text()
            if "(wobble-link)" in stat:
                fields = stat.rsplit(")", 1)[1].split()
                return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        raise RuntimeError("the daemon has no forwarder")
