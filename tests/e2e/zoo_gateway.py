"""gateway on a router that translates addresses already, and the host as a whole."""

import socket
import threading

import harness
import ways
import zoo

ETH_P_ALL = 0x0003
PUBLISHED = 8080


class Ears:
    """All IPv4 and IPv6 source addresses that a host hears from outside, at a device, in a thread."""

    def __init__(self, host, device):
        with host.inside.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
            self.socket.bind((device, ETH_P_ALL))
        self.socket.settimeout(0.1)
        self.sources, self.ended = set(), False
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        while not self.ended:
            try:
                packet, about = self.socket.recvfrom(64)
            except TimeoutError:
                continue
            if about[2] == 4:  # PACKET_OUTGOING
                continue
            if about[1] == 0x0800:
                self.sources.add(socket.inet_ntop(socket.AF_INET, packet[12:16]))
            elif about[1] == 0x86DD:
                self.sources.add(socket.inet_ntop(socket.AF_INET6, packet[8:24]))

    def close(self):
        self.ended = True
        self.thread.join(10)
        self.socket.close()


class Gateway(zoo.AtHome):
    """app - here - server: here is the router, and a0:b0 the gateway."""

    def setUp(self):
        super().setUp()
        self.app, _, self.server = self.street(self.here)
        self.ears = Ears(self.server, "eth0")
        self.addCleanup(self.ears.close)

    def translate(self):
        self.here.iptables("-t nat -A POSTROUTING -o b0 -j MASQUERADE")

    def publish(self):
        """A port of the router's outer address leads to app's port 80, as Docker's -p does."""
        self.app.listen()
        rule = f"-t nat -A PREROUTING -p tcp --dport {PUBLISHED} -j DNAT"
        self.here.iptables(f"-4 {rule} -d 10.2.0.1 --to-destination 10.1.0.2:80",
                           f"-6 {rule} -d fd02::1 --to-destination [fd01::2]:80")

    def look(self, meanwhile=None, **gateway):
        probes = [kind(self.app, address) for kind in (zoo.Tcp, zoo.Udp) for address in ("10.2.0.2", "fd02::2")]
        probes += [zoo.Tcp(self.server, address, PUBLISHED) for address in ("10.2.0.1", "fd02::1")]
        probes += [zoo.Tcp(self.here, address, impaired=False) for address in ("10.2.0.2", "fd02::2")]
        found = self.check_way(probes, meanwhile, gateway={"in": "a0", "out": "b0", **gateway})
        for address, seen in (("10.2.0.2", "10.2.0.1"), ("fd02::2", "fd02::1")):
            self.assertEqual([f"answer to {seen}"], found[f"app tcp {address} 80"])
        leaked = {source for source in self.ears.sources if source.startswith(("10.1.", "fd01:"))}
        self.assertEqual(set(), leaked, "left without being translated")
        return found

    def inner(self):
        """(client, server) addresses of the log's connections."""
        return {(row["client"]["address"], row["server"]["address"]) for row in self.daemon.api.pages(
            "/api/v1/connections?limit=1000") if row["protocol"] == "tcp"}

    def test_on_a_router_that_masquerades_and_publishes_ports(self):
        self.translate()
        self.publish()
        self.look()
        inner = self.inner()
        for pair in (("10.1.0.2", "10.2.0.2"), ("fd01::2", "fd02::2"), ("10.2.0.2", "10.1.0.2"), ("fd02::2", "fd01::2")):
            self.assertIn(pair, inner, "the log has the inner addresses")

    def test_forward_drop_as_docker_has_it(self):
        self.translate()
        self.publish()
        self.here.iptables("-P FORWARD DROP", "-A FORWARD -i a0 ! -o a0 -j ACCEPT",
                           "-A FORWARD -o a0 -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
                           "-A FORWARD -i b0 -o a0 -p tcp --dport 80 -j ACCEPT")
        self.look()

    def test_it_goes_on_when_the_ruleset_is_loaded_anew(self):
        """As firewalld's reload does: all of it away, then there again."""
        self.translate()
        self.publish()

        def reload():
            saved = {program: self.here.run(f"{program}-save").stdout for program in ("iptables", "ip6tables")}
            self.here.run("nft", "flush", "ruleset")
            for program, rules in saved.items():
                self.here.run(f"{program}-restore", input=rules)
        self.look(reload)

    def test_without_translation(self):
        """A plain router; a flush of its ruleset changes nothing."""
        self.app.listen()
        probes = [zoo.Tcp(self.app, "10.2.0.2"), zoo.Tcp(self.app, "fd02::2"), zoo.Tcp(self.server, "10.1.0.2"),
                  zoo.Tcp(self.server, "fd01::2"), zoo.Ping(self.app, "10.2.0.2"), zoo.Udp(self.server, "fd01::2")]
        found = self.check_way(probes, lambda: self.here.run("nft", "flush", "ruleset"), gateway={"in": "a0", "out": "b0"})
        self.assertEqual(["answer to 10.1.0.2"], found["app tcp 10.2.0.2 80"])

    def test_its_own_masquerade(self):
        """Where the host does not translate; IPv4 and IPv6."""
        self.create(gateway={"in": "a0", "out": "b0", "masquerade": True})
        probes = [zoo.Tcp(self.app, address) for address in ("10.2.0.2", "fd02::2")]
        self.delay()
        found = zoo.Results(probes, 5)
        self.assertEqual({probes[0].name: ["answer to 10.2.0.1"], probes[1].name: ["answer to fd02::1"]}, found)
        self.check_times(probes, found)
        for words, told in ((["nft", "flush", "ruleset"], "its nftables table wobble_gateway_wob0n had been changed or removed"),
                            (["sysctl", "-qw", "net.ipv4.ip_forward=0"], "somebody had changed net.ipv4.conf.a0.forwarding"),
                            (["sysctl", "-qw", "net.ipv6.conf.all.forwarding=0"], "somebody had changed net.ipv6.conf.all.forwarding")):
            self.check_mended(words, told, probes, found)
        self.detach()
        forwarding = ("net.ipv4.ip_forward", "net.ipv4.conf.a0.forwarding", "net.ipv6.conf.all.forwarding", "net.ipv6.conf.a0.forwarding")
        self.assertEqual("0\n" * len(forwarding), self.here.run("sysctl", "-n", *forwarding).stdout, "as somebody wants it")
        self.here.sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        found = zoo.Results(probes, 2)
        self.assertEqual({probes[0].name: ["answer to 10.1.0.2"], probes[1].name: ["answer to fd01::2"]}, found)

    def test_between_a_bridge_and_its_port_nothing_is_forwarded(self):
        """It was accepted, and carried nothing."""
        self.here.ip("link add br0 type bridge", "link set br0 up", "link set b0 master br0")
        for inner, outer, pointer, why in (("br0", "b0", "out", "a port of 'br0', so nothing is forwarded between the two"),
                                           ("b0", "br0", "in", "a port of 'br0', so nothing is forwarded between the two"),
                                           ("a0", "b0", "out", "no route leads to a port: write 'br0'")):
            told = self.daemon.refuse(422, gateway={"in": inner, "out": outer})
            self.assertRegex(told, f"^/gateway/{pointer}: the interface 'b0' is .*{why}")
        self.here.ip("addr flush dev b0", "-6 addr flush dev b0", "addr add 10.2.0.1/24 dev br0", "-6 addr add fd02::1/64 dev br0 nodad",
                     "-6 addr add fe80::2:1/64 dev br0 nodad")  # without it a router asks for no neighbour
        probes = [zoo.Tcp(self.app, address) for address in ("10.2.0.2", "fd02::2")]
        for probe in probes:
            ways.wait("the bridge to be ready", lambda probe=probe: probe.once()[0].startswith("answer"))
        self.create(gateway={"in": "a0", "out": "br0"}, both={"delay": "50ms"})
        self.check_times(probes, zoo.Results(probes, 3))

    def test_interfaces_whose_names_are_not_ascii(self):
        """The kernel takes any bytes; these are UTF-8."""
        self.here.ip("link set a0 down", "link set a0 name wéb", "link set wéb up", "-6 addr replace fd01::1/64 dev wéb nodad")
        ways.run(ways.COMMAND, "--url", self.daemon.url, "gateway", "wéb:b0", "--masquerade", "--both", "delay 50ms")
        probes = [zoo.Tcp(self.app, address) for address in ("10.2.0.2", "fd02::2")]
        self.check_times(probes, zoo.Results(probes, 3))
        link = self.daemon.api.get("/api/v1/links")["items"][0]
        self.assertEqual(("wéb", "at wéb", "link"), (link["way_in"]["in"], link["way_in"]["detail"][:6], link["name"]))
        self.daemon.create(attach={"target": "host", "interfaces": ["wéb"]}, **{"for": "10m"})
        self.assertEqual(409, self.daemon.api.request("POST", "/api/v1/links", {"gateway": {"in": "wéb", "out": "b0"}}).status)


class Host(zoo.AtHome):
    """attach host: the API stays within reach, through the interface that is attached."""
    options = ("--insecure",)
    listen = "0.0.0.0:7979"

    def test_the_api_is_spared(self):
        app, _, server = self.street(self.here)
        self.here.listen()
        probes = [zoo.Tcp(host, address) for host, address in ((app, "10.1.0.1"), (app, "fd01::1"), (server, "10.2.0.1"))]
        probes += [zoo.Tcp(self.here, "10.2.0.2"), zoo.Tcp(self.here, "127.0.0.1", impaired=False)]
        # What passes through a router meets the link of each interface, here twice each way.
        self.daemon.create(name="zoo", attach={"target": "host", "interfaces": ["a0", "b0"]}, both={"delay": "50ms"},
                           **{"for": "10m"})
        delayed = zoo.Results(probes, 5)
        self.check_times(probes, delayed)
        answer = self.daemon.api.request("PATCH", "/api/v1/links/zoo", {"both": {"outage": True}, "for": "10m"})
        self.assertEqual(200, answer.status)
        self.assertEqual(["timed out"], zoo.Results(probes[:1], 1)[probes[0].name])
        with app.inside.entered():
            remote = harness.Api("http://10.1.0.1:7979")
            self.assertEqual(200, remote.request("GET", "/healthz").status)
            self.assertEqual(204, remote.request("DELETE", "/api/v1/links/zoo").status)
            remote.close()
        self.assertEqual(["answer to 10.1.0.2"], zoo.Results(probes[:1], 1)[probes[0].name])


class GatewayByCls(Gateway):
    hook = "cls"


class HostByCls(Host):
    hook = "cls"


if __name__ == "__main__":
    zoo.main("iptables", "ip6tables", "nft")
