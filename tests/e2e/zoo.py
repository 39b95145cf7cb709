"""Hosts as there are, made of namespaces, and what holds for a link in front of each: a clean link changes nothing, and
one with a delay changes nothing but the time.

A situation is a host, what is done to it, and probes. check() takes the probes without wobble, through a clean link, and
with 50 ms each way, and compares what each has found (who answered, which source address the other end saw, which error)
and how long it took. A Zoo's daemon takes hold of packets by one hook of the kernel; each test case is there once for tcx
and once for cls_bpf. All in a machine of the test's own.

    app  eth0 10.1.0.2 fd01::2 ---- 10.1.0.1 fd01::1 a0  router  b0 10.2.0.1 fd02::1 ---- 10.2.0.2 fd02::2 eth0  server
"""

import concurrent.futures
import contextlib
import errno
import os
import socket
import statistics
import time
import unittest

import harness
import ways
from zoo_hosts import PORT, SINK, Here, Host, cable, family_of  # noqa: F401

ONE_WAY = 0.050
LATE = 0.030  # what a busy machine may add to the quickest of several; the medians are printed
PATIENCE = 5.0  # seconds after which a probe has timed out, since a busy machine may be slow; and where that is expected:
IMPATIENCE = 1.0
WORDS = {errno.ECONNREFUSED: "refused", errno.EHOSTUNREACH: "unreachable", errno.ENETUNREACH: "unreachable",
         errno.EMSGSIZE: "too long", errno.ETIMEDOUT: "timed out", errno.ECONNRESET: "reset", errno.EPERM: "forbidden",
         errno.EACCES: "forbidden"}
IP_MTU_DISCOVER, IP_PMTUDISC_WANT, IP_MTU = 10, 1, 14  # linux/in.h
IPV6_MTU_DISCOVER, IPV6_MTU = 23, 24  # linux/in6.h


class Probe:
    """Something asked of `address` from within `host`; ask() gives (what came of it, seconds). `impaired`: whether the
    link is to delay it. `mark` is the firewall's."""

    def __init__(self, host, address, port=PORT, device=None, source=None, impaired=True, mark=None, name=""):
        self.host, self.address, self.port, self.device, self.source = host, address, port, device, source
        self.impaired, self.mark, self.patience = impaired, mark, PATIENCE
        self.name = " ".join(filter(None, [host.role, type(self).__name__.lower(), address, str(port), device, source, name]))

    def make(self, kind):
        with self.host.inside.entered():
            s = socket.socket(family_of(self.address), kind)
        s.settimeout(self.patience)
        if self.device:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.device.encode())
        if self.mark:
            s.setsockopt(socket.SOL_SOCKET, 36, self.mark)  # SO_MARK
        if self.source:
            s.bind((self.source, 0))
        return s

    def once(self):
        try:
            return self.ask()
        except TimeoutError:
            return "timed out", self.patience
        except OSError as error:
            return WORDS.get(error.errno, str(error)), 0.0


class Tcp(Probe):
    """The time is connect()'s."""

    def ask(self):
        with self.make(socket.SOCK_STREAM) as s:
            began = time.monotonic()
            try:
                s.connect((self.address, self.port))
            except ConnectionRefusedError:
                return "refused", time.monotonic() - began
            took = time.monotonic() - began
            return self.understand(s.recv(100).decode().split()), took

    @staticmethod
    def understand(said):
        return f"answer to {said[0]}"


class Udp(Probe):
    """The time is that of question and answer."""
    size = 30

    def ask(self):
        with self.make(socket.SOCK_DGRAM) as s:
            began = time.monotonic()
            s.sendto(b"q" * self.size, (self.address, self.port))
            said = s.recv(100)
            return f"answer to {said.decode()}", time.monotonic() - began


class Ping(Probe):
    def ask(self):
        words = ["-I", self.device] if self.device else []
        done = self.host.run("ping", "-n", "-c", "1", "-W", str(int(self.patience)), *words, self.address, check=False)
        if done.returncode:
            return "no answer", self.patience
        return "answer", float(done.stdout.split("time=")[1].split()[0]) / 1e3


class Results(dict):
    """What came of each probe, by name: the set of what was seen; and the times beside."""

    def __init__(self, probes, count):
        super().__init__()
        self.times = {}
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            asked = [(probe, [pool.submit(probe.once) for _ in range(1 if isinstance(probe, Ping) else count)])
                     for probe in probes]
        for probe, answers in asked:
            found = [answer.result() for answer in answers]
            self[probe.name] = sorted({what for what, _ in found})
            self.times[probe.name] = [seconds for _, seconds in found]

    def median(self, probe):
        return statistics.median(self.times[probe.name])


def is_tcx_there():
    release = os.uname().release.split(".")
    return (int(release[0]), int("".join(c for c in release[1] if c.isdigit()))) >= (6, 6)


@contextlib.contextmanager
def a_machine_with_a_daemon(hook, *options, **settings):
    harness.private_machine()
    with ways.Daemon("--hook", hook, *options, **settings) as daemon:
        yield daemon


class Zoo(unittest.TestCase):
    hook = "tcx"

    @classmethod
    def setUpClass(cls):
        if cls.hook == "tcx" and not is_tcx_there():
            raise unittest.SkipTest("tcx came with Linux 6.6")
        cls.daemon = cls.enterClassContext(a_machine_with_a_daemon(cls.hook))

    def host(self, role):
        host = Host(role)
        self.addCleanup(host.close)
        return host

    def street(self, router=None):
        """(app, router, server) as in the picture; each reaches the others, and port 80 of the server answers."""
        app, router, server = self.host("app"), router or self.host("router"), self.host("server")
        cable(app, "eth0", router, "a0", 1)
        cable(server, "eth0", router, "b0", 2)
        router.sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        app.ip("route add default via 10.1.0.1", "-6 route add default via fd01::1")
        server.ip("route add default via 10.2.0.1", "-6 route add default via fd02::1")
        server.listen()
        return app, router, server

    def create(self, **way_in):
        self.daemon.create(name="zoo", **way_in)
        self.addCleanup(self.remove_what_is_left)

    def remove_what_is_left(self):
        if self.daemon.is_alive():
            self.daemon.api.request("DELETE", "/api/v1/links/zoo")

    def attach(self, host, **settings):
        self.create(attach={"target": f"netns:{host.name}", **settings})

    def delay(self, seconds=ONE_WAY):
        conditions = {"both": {"delay": f"{round(1e3 * seconds)}ms"}}
        answer = self.daemon.api.request("PATCH", "/api/v1/links/zoo", conditions)
        self.assertEqual(200, answer.status, answer)

    def detach(self):
        self.daemon.delete("zoo")

    def check(self, host, probes, meanwhile=None, **settings):
        """As the module says, for a link that is attached to `host`. `meanwhile` is done while the link stands; what is
        expected is then found without wobble afterwards."""
        return self.check_way(probes, meanwhile, attach={"target": f"netns:{host.name}", **settings})

    def check_way(self, probes, meanwhile=None, **way_in):
        expected = None if meanwhile else self.without_wobble(probes)
        self.create(**way_in)
        if meanwhile:
            meanwhile()
        clean = Results(probes, 2)
        self.delay()
        delayed = Results(probes, 5)
        self.detach()
        afterwards = Results(probes, 2)
        if expected is None:
            expected = afterwards
        self.assertEqual(expected, afterwards, "what wobble left behind")
        self.assertEqual(expected, clean, "what a clean link changes")
        self.assertEqual(expected, delayed, "what a delay of 50 ms each way changes")
        self.check_times(probes, delayed)
        return expected

    def check_mended(self, words, told, probes, expected):
        """What is done to `here` (a command) is told of in an event and mended: then each probe finds what is expected."""
        self.here.run(*words)
        ways.wait(f"the event after {words}", lambda: any(told in event["text"] for event in self.daemon.api.get(
            "/api/v1/events?link=zoo&kind=way_in&limit=1000")["items"]))
        ways.wait(f"{words} to be mended", lambda: Results(probes, 1) == expected)
        self.assertEqual("up", self.daemon.api.get("/api/v1/links/zoo")["way_in"]["state"])

    @staticmethod
    def without_wobble(probes):
        """What comes of them; from now on, those that time out do so sooner."""
        for probe in probes:
            probe.patience = IMPATIENCE
        found = Results(probes, 2)
        for probe in probes:
            probe.patience = IMPATIENCE if found[probe.name] in (["timed out"], ["no answer"]) else PATIENCE
        return found

    def check_times(self, probes, delayed, delay=2 * ONE_WAY):
        for probe in probes:
            if delayed[probe.name] in (["timed out"], ["no answer"]):
                continue
            least = delay if probe.impaired else 0
            times = delayed.times[probe.name]
            print(f"{self.hook}, {self._testMethodName}, {probe.name}: {delayed[probe.name]}, median "
                  f"{1e3 * delayed.median(probe):.1f} ms of {len(times)}")
            self.assertGreaterEqual(min(times), least - 0.0001, f"{probe.name}: it came too early")
            for _ in range(3):  # a busy machine may try again; a link that is met twice is never quick
                if min(times) <= least + LATE:
                    break
                times = [probe.once()[1] for _ in range(3)]
            self.assertLessEqual(min(times), least + LATE, f"{probe.name}: it came hopelessly late")


class AtHome(Zoo):
    """Each case in a machine of its own, whose own namespace, `here`, is what the daemon works on."""
    options = ()
    command = None
    listen = "127.0.0.1:0"

    @classmethod
    def setUpClass(cls):
        if cls.hook == "tcx" and not is_tcx_there():
            raise unittest.SkipTest("tcx came with Linux 6.6")

    def setUp(self):
        self.daemon = self.enterContext(a_machine_with_a_daemon(self.hook, *self.options, listen=self.listen,
                                                               command=self.command))
        self.here = Here()
        self.addCleanup(self.here.close)


def main(*programs):
    harness.main("ip", "sysctl", "ping", *programs)
