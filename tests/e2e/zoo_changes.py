"""While a link stands, addresses, routes and interfaces come and go: it impairs before and after, on every interface that
is meant, and no other."""

import time

import ways
import zoo


class Changes(zoo.Zoo):
    def begin(self, app, probes, **settings):
        self.attach(app, **settings)
        self.delay()
        self.look(probes)

    def look(self, probes, patience=0):
        """Each is answered, and late by the link, or not; within so many seconds."""
        deadline = time.monotonic() + patience
        while True:
            found = zoo.Results(probes, 3)
            try:
                for probe in probes:
                    self.assertEqual("answer", found[probe.name][0].split()[0], f"{probe.name}: {found[probe.name]}")
                self.check_times(probes, found)
                return found
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def state(self):
        return self.daemon.api.get("/api/v1/links/zoo")["way_in"]["state"]

    def test_dhcp_gives_another_address(self):
        app, _, server = self.street()
        app.listen()
        self.begin(app, [zoo.Tcp(app, "10.2.0.2"), zoo.Tcp(server, "10.1.0.2")])
        app.ip("addr flush dev eth0", "addr add 10.1.0.77/24 dev eth0", "route add default via 10.1.0.1",
               "-6 addr del fd01::2/64 dev eth0", "-6 addr add fd01::77/64 dev eth0 nodad")
        found = self.look([zoo.Tcp(app, "10.2.0.2"), zoo.Tcp(app, "fd02::2"), zoo.Tcp(server, "10.1.0.77"),
                           zoo.Tcp(server, "fd01::77"), zoo.Udp(app, "10.2.0.2")])
        self.assertEqual(["answer to 10.1.0.77"], found["app tcp 10.2.0.2 80"])
        self.assertEqual("up", self.state())

    def test_a_second_address_comes(self):
        app, _, server = self.street()
        app.listen()
        self.begin(app, [zoo.Tcp(server, "10.1.0.2")])
        app.ip("addr add 10.1.0.9/24 dev eth0", "-6 addr add fd01::9/64 dev eth0 nodad")
        self.look([zoo.Tcp(server, "10.1.0.9"), zoo.Tcp(server, "fd01::9"), zoo.Tcp(server, "10.1.0.2"),
                   zoo.Tcp(app, "10.2.0.2", source="10.1.0.9")])

    def test_a_route_comes_and_goes(self):
        app, router, server = self.street()
        zoo.cable(app, "eth1", router, "c0", 3)
        self.begin(app, [zoo.Tcp(app, "10.2.0.2"), zoo.Tcp(app, "fd02::2")])
        app.ip("route add 10.2.0.0/24 via 10.3.0.1 dev eth1", "-6 route add fd02::/64 via fd03::1 dev eth1")
        found = self.look([zoo.Tcp(app, "10.2.0.2"), zoo.Tcp(app, "fd02::2")])
        self.assertEqual(["answer to 10.3.0.2"], found["app tcp 10.2.0.2 80"])
        app.ip("route del 10.2.0.0/24", "-6 route del fd02::/64")
        found = self.look([zoo.Tcp(app, "10.2.0.2"), zoo.Tcp(app, "fd02::2")])
        self.assertEqual(["answer to 10.1.0.2"], found["app tcp 10.2.0.2 80"])

    def test_the_addresses_that_are_told_are_those_of_now(self):
        """They stayed as they were when it was attached: the old one, or none."""
        app, _, _ = self.street()
        app.ip("addr flush dev eth0", "-6 addr flush dev eth0")
        self.attach(app)
        def told():
            return self.daemon.api.get("/api/v1/links/zoo")["near"]["addresses"]
        self.assertEqual([], told())
        app.ip("addr add 10.1.0.2/24 dev eth0")
        ways.wait("the first address", lambda: told() == ["10.1.0.2"])
        app.ip("addr flush dev eth0", "addr add 10.1.0.77/24 dev eth0", "-6 addr add fd01::77/64 dev eth0 nodad")
        ways.wait("the next ones", lambda: told() == ["10.1.0.77", "fd01::77"])
        app.ip("link add eth1 type veth peer name eth2", "link set eth1 up", "addr add 10.9.0.1/24 dev eth1")
        ways.wait("those of another interface", lambda: "10.9.0.1" in told())

    def test_an_interface_comes_and_goes(self):
        """As `docker network connect` and a USB adapter do. Without --interface it is meant."""
        app, router, server = self.street()
        app.listen()
        old = [zoo.Tcp(app, "10.2.0.2"), zoo.Tcp(server, "10.1.0.2")]
        new = [zoo.Tcp(app, "10.3.0.1"), zoo.Tcp(app, "fd03::1"), zoo.Tcp(router, "10.3.0.2"), zoo.Tcp(router, "fd03::2")]
        router.listen()
        self.begin(app, old)
        for _ in range(2):
            zoo.cable(app, "eth1", router, "c0", 3)
            self.look(new + old, patience=3)
            self.assertEqual("up", self.state())
            app.ip("link del eth1")
            self.look(old)
        self.assertEqual("up", self.state())

    def test_an_interface_that_is_not_meant_comes(self):
        app, router, _ = self.street()
        router.listen()
        self.begin(app, [zoo.Tcp(app, "10.2.0.2")], interfaces=["eth0"])
        zoo.cable(app, "eth1", router, "c0", 3)
        app.ip("route add 10.2.0.0/24 via 10.3.0.1 dev eth1")
        time.sleep(0.5)  # what is to show is that nothing happens
        self.look([zoo.Tcp(app, "10.2.0.2", impaired=False), zoo.Tcp(app, "10.3.0.1", impaired=False), zoo.Tcp(app, "fd02::2")])

    def test_an_interface_is_renamed_and_goes_down_and_up(self):
        app, _, server = self.street()
        app.listen()
        probes = [zoo.Tcp(app, "10.2.0.2"), zoo.Tcp(app, "fd02::2"), zoo.Tcp(server, "10.1.0.2")]
        self.begin(app, probes)
        app.ip("link set eth0 down", "link set eth0 name wan0", "link set wan0 up", "route add default via 10.1.0.1",
               "-6 addr replace fd01::2/64 dev wan0 nodad", "-6 route replace default via fd01::1")
        self.look(probes, patience=3)
        self.assertEqual("up", self.state())

    def test_the_named_interface_goes_and_comes_again(self):
        """The way in says that it does not carry; when the interface is back, it carries."""
        app, router, _ = self.street()
        router.listen()
        zoo.cable(app, "eth1", router, "c0", 3)
        probes = [zoo.Tcp(app, "10.3.0.1"), zoo.Tcp(app, "fd03::1")]
        self.begin(app, probes, interfaces=["eth1"])
        app.ip("link del eth1")
        ways.wait("the state to tell of it", lambda: self.state() != "up", 3)
        zoo.cable(app, "eth1", router, "c0", 3)
        self.look(probes, patience=3)
        ways.wait("the state to tell of it", lambda: self.state() == "up", 3)


class ChangesByCls(Changes):
    hook = "cls"


if __name__ == "__main__":
    zoo.main()
