"""However the daemon ends, or hangs: traffic flows on within half a second, or is blocked if that was asked, and nothing is
left behind.

WOBBLE_WAY_KILLS: how many while a link is set up (6; `./dev soak` does 200)."""

import contextlib
import os
import random
import select
import signal
import socket
import threading
import time

import harness
import ways
import zoo

KILLS = int(os.environ.get("WOBBLE_WAY_KILLS", "6"))
OPEN_WITHIN = 0.5
BUSY = 1.0  # what a busy machine may add
PORT = 8000


class Ending(zoo.AtHome):
    """What holds for each way in. Where it is: `host`, and its `device`; what it carries: `probes`."""

    def make_link(self, **way_in):
        """With a delay that nobody could take for the way without the link."""
        self.create(**way_in, both={"delay": "300ms"})
        for probe in self.probes:
            what, took = probe.once()
            self.assertTrue(what.startswith("answer"), what)
            self.assertGreaterEqual(took, 0.6)

    def opens_within(self, what):
        """Seconds until everything is answered at once, without the link. All are asked a hundred times a second."""
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            waiting = {stack.enter_context(probe.make(socket.SOCK_DGRAM)): (probe, []) for probe in self.probes}
            while waiting:
                self.assertLess(time.monotonic() - began, 10, f"{what}: {[probe.name for probe, _ in waiting.values()]}")
                for s, (probe, sent) in waiting.items():
                    sent.append(time.monotonic())  # a question is told by its length, which the answer names
                    with contextlib.suppress(OSError):
                        s.sendto(b"q" * len(sent), (probe.address, probe.port))
                for s in select.select(list(waiting), [], [], 0.01)[0]:
                    if self.is_quick(s, waiting[s][1]):
                        del waiting[s]
        took = time.monotonic() - began
        print(f"{self.hook}, {self._testMethodName}: {what}: open after {1e3 * took:.0f} ms")
        return took

    @staticmethod
    def is_quick(s, sent):
        """Whether an answer has come in less than 0.1 s after its question."""
        with contextlib.suppress(OSError):
            return time.monotonic() - sent[int(s.recv(100).split()[-1]) - 1] < 0.1
        return False

    @staticmethod
    def quick(probe):
        """The time of one question and answer, if it took less than 0.1 s."""
        with probe.make(socket.SOCK_DGRAM) as s:
            s.settimeout(0.1)
            began = time.monotonic()
            try:
                s.sendto(b"q", (probe.address, probe.port))
                s.recv(100)
            except OSError:
                return None
            return time.monotonic() - began

    def filters(self):
        return "".join(self.host_of_it.run("tc", "filter", "show", "dev", self.device, side).stdout
                       for side in ("ingress", "egress"))

    def machine(self):
        return ways.machine(None if self.host_of_it is self.here else self.host_of_it)

    def put_back(self, before):
        ways.run(ways.COMMAND, "cleanup")
        self.assertEqual(before, self.machine())
        self.assertEqual("", self.filters())

    def kill(self, **way_in):
        before = self.machine()
        self.make_link(**way_in)
        self.daemon.process.kill()
        self.assertLess(self.opens_within("killed"), OPEN_WITHIN + BUSY)
        self.daemon.stop(signal.SIGKILL)
        self.put_back(before)

    def hang(self, **way_in):
        """Stopped, traffic flows without it; going on, it impairs again."""
        self.make_link(**way_in)
        self.daemon.process.send_signal(signal.SIGSTOP)
        try:
            self.assertLess(self.opens_within("stopped"), OPEN_WITHIN + BUSY)
        finally:
            self.daemon.process.send_signal(signal.SIGCONT)
        ways.wait("the link to impair again", lambda: self.quick(self.probes[0]) is None)
        self.assertGreaterEqual(self.probes[0].once()[1], 0.6)


class Attach(Ending):
    def setUp(self):
        super().setUp()
        app, _, server = self.street()
        app.listen()
        self.host_of_it, self.device = app, "eth0"
        self.probes = [zoo.Udp(app, "10.2.0.2"), zoo.Udp(app, "fd02::2"),
                       zoo.Udp(server, "10.1.0.2"), zoo.Udp(server, "fd01::2")]

    def attach(self, fail="open"):
        return {"attach": {"target": f"netns:{self.host_of_it.name}", "fail": fail}}

    def test_kill_9(self):
        self.kill(**self.attach())

    def test_hangs_and_goes_on(self):
        self.hang(**self.attach())

    def blocked(self):
        return [self.quick(probe) for probe in self.probes] == [None] * len(self.probes)

    def test_fail_closed(self):
        before = self.machine()
        self.make_link(**self.attach("closed"))
        self.daemon.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(OPEN_WITHIN)  # what is to show is that nothing happens
            self.assertTrue(self.blocked(), "stopped, and something passes")
        finally:
            self.daemon.process.send_signal(signal.SIGCONT)
        self.daemon.process.kill()
        self.daemon.process.wait(10)
        self.assertTrue(self.blocked(), "killed, and something passes")
        time.sleep(OPEN_WITHIN)
        self.assertTrue(self.blocked(), "killed a while ago, and something passes")
        self.daemon.stop(signal.SIGKILL)
        ways.run(ways.COMMAND, "cleanup")
        self.assertLess(self.opens_within("cleaned up"), BUSY)
        self.put_back(before)

    def test_terminated(self):
        before = self.machine()
        self.make_link(**self.attach("closed"))
        self.assertEqual(0, self.daemon.stop())
        self.assertLess(self.opens_within("ended"), BUSY)
        self.assertEqual(before, self.machine())
        self.assertEqual("", self.filters())

    def test_a_task_limit_at_detach(self):
        """It was answered with 204, and the namespace was cut off for good (F4)."""
        before = self.machine()
        with ways.task_limit(self.daemon.process.pid) as limit:
            self.make_link(**self.attach("closed"))
            limit()
            self.detach()
            self.assertLess(self.opens_within("detached"), BUSY)
            self.assertEqual(before, self.machine())
            self.assertEqual("", self.filters())
        self.make_link(**self.attach())

    def test_killed_at_any_moment_of_setting_up(self):
        """After `cleanup` everything is as it was, whatever was done by then; closed or open."""
        before, rng = self.machine(), random.Random(12)
        for kill in range(KILLS):
            with self.subTest(kill=kill):
                asking = threading.Thread(target=self.ask, args=(self.attach(("open", "closed")[kill % 2]),))
                asking.start()
                time.sleep(rng.uniform(0, 0.1))  # a random moment, not a condition
                self.daemon.process.kill()
                asking.join(10)
                self.daemon.stop(signal.SIGKILL)
                self.put_back(before)
                self.assertLess(self.opens_within("cleaned up"), BUSY)
                self.daemon = self.enterContext(ways.Daemon("--hook", self.hook))

    def ask(self, body):
        with contextlib.suppress(OSError, harness.http.client.HTTPException):
            self.daemon.api.request("POST", "/api/v1/links", body)


class Localhost(Ending):
    WAY_IN = {"loopback": {"port": PORT, "protocol": "udp"}}

    def setUp(self):
        super().setUp()
        self.here.listen(PORT)
        self.host_of_it, self.device = self.here, "lo"
        self.probes = [zoo.Udp(self.here, address, PORT) for address in ("127.0.0.1", "::1")]

    def test_kill_9(self):
        self.kill(**self.WAY_IN)

    def test_hangs_and_goes_on(self):
        self.hang(**self.WAY_IN)


class Gateway(Ending):
    """On a router that translates, by itself or by the gateway's own masquerade."""
    OWN = {"gateway": {"in": "a0", "out": "b0", "masquerade": True}}
    PLAIN = {"gateway": {"in": "a0", "out": "b0"}}

    def setUp(self):
        super().setUp()
        app, _, self.server = self.street(self.here)
        self.host_of_it, self.device = self.here, "a0"
        self.probes = [zoo.Udp(app, "10.2.0.2"), zoo.Udp(app, "fd02::2")]

    def look(self, what):
        """Each is seen with the router's address, before and afterwards."""
        def seen():
            return [probe.once()[0].split()[2] for probe in self.probes]
        self.here.iptables("-t nat -A POSTROUTING -o b0 -j MASQUERADE")
        self.assertEqual(["10.2.0.1", "fd02::1"], seen())
        what(**self.PLAIN)
        self.assertEqual(["10.2.0.1", "fd02::1"], seen())

    def test_kill_9(self):
        self.look(self.kill)

    def test_hangs_and_goes_on(self):
        self.look(self.hang)

    def test_kill_9_with_its_own_masquerade(self):
        self.kill(**self.OWN)

    def test_hangs_with_its_own_masquerade(self):
        self.hang(**self.OWN)


class AttachByCls(Attach):
    hook = "cls"


class LocalhostByCls(Localhost):
    hook = "cls"


class GatewayByCls(Gateway):
    hook = "cls"


if __name__ == "__main__":
    zoo.main("tc", "iptables", "ip6tables", "nft")
