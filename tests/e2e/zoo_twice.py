"""No traffic is diverted twice: two links of one daemon, or of two, that would take the same packets are told from two that
would not."""

import re
import signal

import ways
import zoo

PORT = 8000


class Twice(zoo.AtHome):
    """`first`, the daemon of the machine, and `second`, beside it."""

    def setUp(self):
        super().setUp()
        self.app, _, self.server = self.street(self.here)
        self.here.listen(PORT)
        self.second = self.enterContext(ways.Daemon("--hook", self.hook))

    def late(self, *probes):
        """Each meets one link of 50 ms each way."""
        found = zoo.Results(probes, 5)
        for probe in probes:
            self.assertRegex(found[probe.name][0], "^answer")
        self.check_times(probes, found)

    def test_one_traffic_and_two_daemons(self):
        """The first one's link carried nothing any more, and was `up`."""
        both = {"delay": "50ms"}
        for probe, way_in in ((zoo.Tcp(self.here, "127.0.0.1", PORT), {"loopback": {"port": PORT}}),
                              (zoo.Tcp(self.here, "10.2.0.2"), {"attach": {"target": "host"}}),
                              (zoo.Tcp(self.app, "10.2.0.2"), {"gateway": {"in": "a0", "out": "b0"}})):
            with self.subTest(way_in=way_in):
                name = self.daemon.create(**way_in, both=both)["name"]
                self.late(probe)
                pid = self.daemon.process.pid
                said = self.second.refuse(409, **way_in)
                self.assertRegex(said, rf"the link '{name}' of another daemon, process {pid}, diverts this traffic already: "
                                       rf"detach it there first \(wobble detach {name}\)")
                self.assertEqual([], self.second.api.get("/api/v1/links")["items"])
                self.late(probe)
                self.daemon.delete(name)
                self.second.create(**way_in, both=both)
                self.late(probe)
                self.assertIn(name, self.daemon.refuse(409, **way_in))
                self.second.delete(name)

    def test_each_of_two_daemons_its_own(self):
        self.server.listen(443)
        self.daemon.create(attach={"target": "host", "ports": [80]}, both={"delay": "50ms"})
        self.second.create(attach={"target": "host", "ports": [443]}, both={"delay": "50ms"})
        self.late(*(zoo.Tcp(self.here, address, port) for address in ("10.2.0.2", "fd02::2") for port in (80, 443)))

    def test_a_daemon_that_was_killed_holds_nothing(self):
        way_in = {"loopback": {"port": PORT}}
        self.daemon.create(**way_in)
        self.daemon.stop(signal.SIGKILL)
        self.second.create(**way_in, both={"delay": "50ms"})
        self.late(zoo.Tcp(self.here, "127.0.0.1", PORT), zoo.Tcp(self.here, "::1", PORT))

    def test_the_name_that_is_told_can_be_detached(self):
        """It was "the link of host", whatever the link was called."""
        self.daemon.create(name="mine", attach={"target": "host"})
        said = self.daemon.refuse(409, attach={"target": "host", "ports": [80]})
        name = re.search(r"\(wobble detach (\S+)\)", said)[1]
        ways.run(ways.COMMAND, "--url", self.daemon.url, "detach", name)
        self.daemon.create(attach={"target": "host", "ports": [80]})

    def test_an_address_within_a_network(self):
        """Both were let in, and the delays added up."""
        self.daemon.create(name="one", attach={"target": "host", "addresses": ["10.2.0.2"]}, both={"delay": "50ms"})
        for network in ("10.2.0.0/24", "10.2.0.77/24", "0.0.0.0/0", "::ffff:10.2.0.2"):
            said = self.daemon.refuse(409, attach={"target": "host", "addresses": [network]})
            self.assertIn("the link 'one' diverts this traffic already", said, network)
        self.daemon.create(name="other", attach={"target": "host", "addresses": ["10.2.1.0/24"]}, both={"delay": "50ms"})
        self.late(zoo.Tcp(self.here, "10.2.0.2"))

    def test_all_of_one_family_is_nothing_of_the_other(self):
        """::/0 took IPv4 too, whose addresses are compared as ::ffff:0:0/96."""
        self.daemon.create(name="six", attach={"target": "host", "addresses": ["::/0"]}, both={"delay": "50ms"})
        self.late(zoo.Tcp(self.here, "fd02::2"), zoo.Tcp(self.here, "10.2.0.2", impaired=False))
        self.second.create(name="four", attach={"target": "host", "addresses": ["0.0.0.0/0"]}, both={"delay": "50ms"})
        self.late(zoo.Tcp(self.here, "fd02::2"), zoo.Tcp(self.here, "10.2.0.2"))

    def test_two_networks_of_one_router(self):
        """Each through a gateway of its own, out by the same interface."""
        other = self.host("other")
        zoo.cable(other, "eth0", self.here, "c0", 3)
        other.ip("route add default via 10.3.0.1", "-6 route add default via fd03::1")
        for name, inner in (("one", "a0"), ("two", "c0")):
            self.daemon.create(name=name, gateway={"in": inner, "out": "b0"}, both={"delay": "50ms"})
        self.late(*(zoo.Tcp(host, address) for host in (self.app, other) for address in ("10.2.0.2", "fd02::2")))
        for name, clients in (("one", {"10.1.0.2", "fd01::2"}), ("two", {"10.3.0.2", "fd03::2"})):
            rows = self.daemon.connections(name)
            self.assertEqual(clients, {row["client"]["address"] for row in rows if row["protocol"] == "tcp"})
        self.assertIn("already", self.daemon.refuse(409, gateway={"in": "b0", "out": "a0"}))
        self.daemon.delete("one")
        self.late(zoo.Tcp(self.app, "10.2.0.2", impaired=False), zoo.Tcp(other, "10.2.0.2"))


class TwiceByCls(Twice):
    hook = "cls"


if __name__ == "__main__":
    zoo.main()
