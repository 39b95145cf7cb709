"""What routing has besides a default route: path MTUs, several ways out, several addresses, metrics of a route. A link in
front of all of it takes the same source address, the same interface, both directions."""

import socket

import zoo

HOP = 1300


class MaxSegment(zoo.Tcp):
    """With how large the server's segments may be, which the SYN has said."""

    @staticmethod
    def understand(said):
        return " ".join(said)


class PathMtu(zoo.Zoo):
    """A hop with an MTU of 1300 bytes: what is larger is lost once, and told; what comes later arrives."""

    def narrow(self, hop=HOP):
        app, router, server = self.street()
        router.ip(f"link set b0 mtu {hop}")
        server.ip(f"link set eth0 mtu {hop}")
        server.servers[0].close()
        server.servers.clear()
        server.listen()
        return app, router, server

    def learn(self, app, address, hop):
        """Datagrams of 1400 bytes until one is answered; how many were lost before."""
        app.ip("route flush cache", "-6 route flush cache")
        family = zoo.family_of(address)
        with app.inside.entered():
            s = socket.socket(family, socket.SOCK_DGRAM)
        with s:
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, zoo.IPV6_MTU_DISCOVER, zoo.IP_PMTUDISC_WANT)
            else:
                s.setsockopt(socket.IPPROTO_IP, zoo.IP_MTU_DISCOVER, zoo.IP_PMTUDISC_WANT)
            s.connect((address, zoo.PORT))
            s.settimeout(0.4)
            for lost in range(5):
                try:
                    s.send(b"d" * 1400)
                    s.recv(100)
                except TimeoutError:
                    continue
                except OSError as error:
                    self.assertEqual("too long", zoo.WORDS.get(error.errno), error)  # told, to whom is connected
                    continue
                level, option = ((socket.IPPROTO_IPV6, zoo.IPV6_MTU) if family == socket.AF_INET6
                                 else (socket.IPPROTO_IP, zoo.IP_MTU))
                return lost, s.getsockopt(level, option)
        return 5, None

    def upload(self, app, address):
        """300 KB by TCP; the largest segment that the connection came to."""
        app.ip("route flush cache", "-6 route flush cache")
        with app.inside.entered():
            s = socket.socket(zoo.family_of(address), socket.SOCK_STREAM)
        with s:
            s.settimeout(5)
            s.connect((address, zoo.SINK))
            s.sendall(bytes(300_000))
            s.shutdown(socket.SHUT_WR)
            self.assertEqual(b"300000", s.recv(100))
            return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)

    def measure(self, app):
        return {(what.__name__, address): what(app, address, *more) for address in ("10.2.0.2", "fd02::2")
                for what, more in ((self.learn, (HOP,)), (self.upload, ()))}

    def test_a_hop(self):
        app, _, server = self.narrow()
        server.sink()
        plain = self.measure(app)
        for address in ("10.2.0.2", "fd02::2"):
            self.assertEqual(HOP, plain["learn", address][1], "the situation is not what it is meant to be")
        self.attach(app)
        clean = self.measure(app)
        self.delay()
        delayed = self.measure(app)
        self.detach()
        print(f"{self.hook}: {plain}, {clean}, {delayed}")
        self.assertEqual(plain, clean)
        self.assertEqual(plain, delayed)

    def test_the_links_own_mtu(self):
        app, _, server = self.street()
        server.sink()
        self.attach(app)
        answer = self.daemon.api.request("PATCH", "/api/v1/links/zoo", {"both": {"mtu": f"{HOP}B"}})
        self.assertEqual(200, answer.status, answer)
        found = self.measure(app)
        print(f"{self.hook}: {found}")
        for address, headers in (("10.2.0.2", 20), ("fd02::2", 40)):
            self.assertLessEqual(found["learn", address][0], 1)
            self.assertEqual(HOP, found["learn", address][1])
            self.assertLessEqual(found["upload", address], HOP - headers - 20)


class WaysOut(zoo.Zoo):
    """app with a second wire to the router, eth1: 10.3.0.2 and fd03::2."""

    def two_wires(self):
        app, router, server = self.street()
        zoo.cable(app, "eth1", router, "c0", 3)
        app.listen()
        return app, router, server

    def outward(self, app, count=4, **more):
        return [zoo.Tcp(app, address, name=f"{n}", **more) for address in ("10.2.0.2", "fd02::2") for n in range(count)]

    def test_ecmp_default(self):
        """And, over IPv6, what two routers' advertisements make."""
        app, _, server = self.two_wires()
        app.sysctl("net.ipv4.fib_multipath_hash_policy=1", "net.ipv6.fib_multipath_hash_policy=1",
                   "net.ipv4.conf.all.rp_filter=2")
        app.ip("route replace default nexthop via 10.1.0.1 dev eth0 nexthop via 10.3.0.1 dev eth1",
               "-6 route del default", "-6 route add default nexthop via fd01::1 dev eth0 nexthop via fd03::1 dev eth1")
        probes = [zoo.Tcp(app, address, source=source) for address, sources in
                  (("10.2.0.2", ("10.1.0.2", "10.3.0.2")), ("fd02::2", ("fd01::2", "fd03::2"))) for source in sources]
        probes += [zoo.Tcp(server, address) for address in ("10.1.0.2", "10.3.0.2", "fd01::2", "fd03::2")]
        self.check(app, probes)  # from changing ports, so by both ways

    def test_two_routers_of_two_prefixes(self):
        """The source is that of the default route's interface, also when the link is at that one alone."""
        app, _, _ = self.two_wires()
        app.ip("-6 route add default via fd03::1 dev eth1 metric 2048", "route add default via 10.3.0.1 dev eth1 metric 100")
        for settings in ({}, {"interfaces": ["eth0"]}):
            found = self.check(app, self.outward(app, 1), **settings)
            self.assertEqual(["answer to fd01::2"], found["app tcp fd02::2 80 0"])

    def test_two_interfaces_in_one_subnet(self):
        app, router, server = self.street()
        zoo.cable(app, "eth1", router, "a1", 7)
        router.ip("link add br0 type bridge", "addr flush dev a0", "addr flush dev a1", "link set a0 master br0",
                  "link set a1 master br0", "link set br0 up", "addr add 10.1.0.1/24 dev br0",
                  "-6 addr flush dev a0", "-6 addr flush dev a1", "-6 addr add fd01::1/64 dev br0 nodad")
        app.ip("addr flush dev eth1", "addr add 10.1.0.3/24 dev eth1", "route add default via 10.1.0.1 dev eth1 metric 50",
               "-6 addr flush dev eth1", "-6 addr add fd01::3/64 dev eth1 nodad",
               "-6 route add default via fd01::1 dev eth1 metric 2048")
        app.listen()
        self.check(app, self.outward(app, 1) +
                   [zoo.Tcp(app, "10.2.0.2", device=device) for device in ("eth0", "eth1")] +
                   [zoo.Tcp(app, "fd02::2", device=device) for device in ("eth0", "eth1")] +
                   [zoo.Tcp(server, address) for address in ("10.1.0.2", "10.1.0.3", "fd01::2", "fd01::3")])

    def test_second_address(self):
        app, _, server = self.street()
        app.listen()
        app.ip("addr add 10.1.0.9/24 dev eth0", "-6 addr add fd01::9/64 dev eth0 nodad")
        self.check(app, [zoo.Tcp(app, "10.2.0.2", source="10.1.0.9"), zoo.Tcp(app, "fd02::2", source="fd01::9"),
                         zoo.Tcp(app, "10.2.0.2"), zoo.Tcp(server, "10.1.0.9"), zoo.Tcp(server, "fd01::9")])

    def test_rules_by_source(self):
        """A server at two providers: who came in by one is answered by it."""
        app, router, server = self.two_wires()
        app.ip("rule add from 10.3.0.2 table 100", "route add default via 10.3.0.1 dev eth1 table 100",
               "-6 rule add from fd03::2 table 100", "-6 route add default via fd03::1 dev eth1 table 100")
        router.sysctl("net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.c0.rp_filter=1", "net.ipv4.conf.a0.rp_filter=1")
        self.check(app, [zoo.Tcp(server, address) for address in ("10.1.0.2", "10.3.0.2", "fd01::2", "fd03::2")] +
                   [zoo.Tcp(app, "10.2.0.2", source="10.3.0.2"), zoo.Tcp(app, "fd02::2", source="fd03::2")])

    def test_metrics_of_a_route(self):
        """mtu, advmss, initcwnd: as the server sees the SYN."""
        app, _, _ = self.street()
        app.ip("route replace default via 10.1.0.1 mtu 1300 advmss 1000 initcwnd 4",
               "-6 route replace default via fd01::1 mtu 1300 advmss 1000 initcwnd 4")
        probes = [MaxSegment(app, address) for address in ("10.2.0.2", "fd02::2")]
        found = self.check(app, probes)
        self.assertEqual({"10.1.0.2 988", "fd01::2 988"}, {said[0] for said in found.values()})  # 1000 less the time stamps


class PathMtuByCls(PathMtu):
    hook = "cls"


class WaysOutByCls(WaysOut):
    hook = "cls"


if __name__ == "__main__":
    zoo.main()
