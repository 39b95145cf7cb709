"""localhost:PORT, on a host with firewalls and rules of its own: 127.0.0.1 and ::1 alike."""

import socket
import time

import harness
import kernel_states
import ways
import zoo
import zoo_bound

SERVED, BESIDE, REFUSED = 8000, 8001, 8002
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class Localhost(zoo.AtHome):
    def setUp(self):
        super().setUp()
        for port in (SERVED, BESIDE):
            self.here.listen(port)

    def probes(self):
        return [zoo.Tcp(self.here, address, port, impaired=port == SERVED) for address in LOOPBACK.values()
                for port in (SERVED, BESIDE)]

    def look(self, meanwhile=None):
        found = self.check_way(self.probes(), meanwhile, loopback={"port": SERVED})
        for address in LOOPBACK.values():
            self.assertEqual([f"answer to {address}"], found[f"here tcp {address} {SERVED}"])
        self.assertEqual(200, self.daemon.api.request("GET", "/healthz").status)

    def test_input_drop_but_for_loopback(self):
        self.here.iptables("-A INPUT -i lo -j ACCEPT", "-P INPUT DROP", "-P FORWARD DROP")
        self.look()

    def test_ufw_against_spoofed_loopback(self):
        self.here.iptables("-A INPUT -i lo -j ACCEPT", "-4 -A INPUT -s 127.0.0.0/8 -j DROP",
                           "-4 -A INPUT -d 127.0.0.0/8 -j DROP", "-6 -A INPUT -s ::1 -j DROP")
        self.look()

    def test_docker_28_for_a_port_published_on_loopback(self):
        self.here.iptables(f"-4 -t raw -A PREROUTING -p tcp -d 127.0.0.1 ! -i lo --dport {SERVED} -j DROP")
        self.look()

    def test_strict_reverse_path(self):
        self.here.sysctl("net.ipv4.conf.all.rp_filter=1")
        self.look()

    def test_the_ruleset_is_flushed(self):
        self.here.iptables("-A INPUT -i lo -j ACCEPT", "-P INPUT DROP")
        self.look(lambda: self.here.run("nft", "flush", "ruleset"))

    def test_rules_are_flushed(self):
        self.look(lambda: self.here.ip("rule flush", "rule add pref 32766 table main", "-6 rule flush",
                                       "-6 rule add pref 32766 table main"))

    def test_a_parameter_is_set_back(self):
        self.create(loopback={"port": SERVED})
        probes = self.probes()
        found = zoo.Results(probes, 1)
        for name in ("accept_local", "route_localnet"):
            self.check_mended(["sysctl", "-qw", f"net.ipv4.conf.lo.{name}=0"], f"somebody had changed net.ipv4.conf.lo.{name}: set again",
                              probes, found)
        self.detach()
        for name in ("accept_local", "route_localnet"):
            self.assertEqual("0\n", self.here.run("sysctl", "-n", f"net.ipv4.conf.lo.{name}").stdout)

    def test_a_vpn_comes_up(self):
        def up():
            self.here.ip("link add wg0 type veth peer wg1", "link set wg0 up", "link set wg1 up",
                         "route add default dev wg0 table 51820", "rule add not fwmark 51820 table 51820",
                         "rule add table main suppress_prefixlength 0",
                         "-6 route add default dev wg0 table 51820", "-6 rule add not fwmark 51820 table 51820",
                         "-6 rule add table main suppress_prefixlength 0")
        self.look(up)

    def test_a_refusal_takes_the_links_time(self):
        probes = [zoo.Tcp(self.here, address, REFUSED) for address in LOOPBACK.values()]
        found = self.check_way(probes, loopback={"port": REFUSED})
        self.assertEqual({"refused"}, {what for outcome in found.values() for what in outcome})

    def test_an_outage_stops_it(self):
        probes = self.probes() + [zoo.Tcp(self.here, address, REFUSED) for address in LOOPBACK.values()]
        for port in (SERVED, REFUSED):
            for way in ("up", "down"):
                with self.subTest(port=port, way=way):
                    self.create(loopback={"port": port})
                    answer = self.daemon.api.request("PATCH", "/api/v1/links/zoo", {way: {"outage": True}})
                    self.assertEqual(200, answer.status)
                    found = zoo.Results(probes, 1)
                    for probe in probes:
                        self.assertEqual(probe.port == port, found[probe.name] == ["timed out"], found)
                    self.detach()

    def test_packet_sockets_hear_it_once(self):
        """Without a link, and with one that asks for nothing, they hear each packet as it leaves and as it arrives;
        WAYS-IN.md says so."""
        ears = zoo_bound.Overheard(self.here, "lo")
        self.addCleanup(ears.close)
        def ask(word):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(zoo.PATIENCE)
                s.sendto(word, (LOOPBACK[s.family], SERVED))
                s.recv(100)
        ask(b"without it")
        self.assertEqual((1, 1), ears.count(b"without it"))
        self.create(loopback={"port": SERVED, "protocol": "udp"})
        ask(b"past it")
        self.assertEqual((1, 1), ears.count(b"past it"))
        self.delay(0.001)
        ask(b"through it")
        self.assertEqual((1, 0), ears.count(b"through it"))

    def test_udp(self):
        probes = [zoo.Udp(self.here, address, SERVED) for address in LOOPBACK.values()]
        self.check_way(probes, loopback={"port": SERVED, "protocol": "udp"})


class States(zoo.AtHome):
    """The log has the states that the kernel has, in both families, whoever closes first."""
    PORTS = {socket.AF_INET: range(23000, 23100), socket.AF_INET6: range(23100, 23200)}
    SERVERS = range(8100, 8102)

    def connection(self, family, client_port, server_port, closes_first):
        with socket.socket(family) as listener, socket.socket(family) as client:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((LOOPBACK[family], server_port))
            listener.listen()
            client.bind((LOOPBACK[family], client_port))
            client.settimeout(5)
            listener.settimeout(5)
            client.connect((LOOPBACK[family], server_port))
            server, _ = listener.accept()
            server.settimeout(5)
            first, second = (client, server) if closes_first == "client" else (server, client)
            with server:
                first.sendall(b"bye")
                first.shutdown(socket.SHUT_WR)
                while second.recv(10):
                    pass
                second.shutdown(socket.SHUT_WR)
                self.assertEqual(b"", first.recv(10))

    def test_as_the_kernels(self):
        server_port = self.SERVERS.start
        self.create(loopback={"port": server_port}, both={"delay": "20ms"})
        both = range(self.PORTS[socket.AF_INET].start, self.PORTS[socket.AF_INET6].stop)
        with kernel_states.KernelStates(both, self.SERVERS) as kernel:
            asked = {}
            for family, ports in self.PORTS.items():
                for port, closes_first in zip(ports, ("client", "server") * 2):
                    self.connection(family, port, server_port, closes_first)
                    asked[port] = closes_first
            rows = ways.wait("all of them to end", lambda: self.ended(set(asked)))
            events = kernel.take()
        for port, closes_first in asked.items():
            with self.subTest(port=port, closes_first=closes_first):
                self.assertEqual(("orderly", closes_first), (rows[port]["end"], rows[port]["closed_by"]))
                ours = {side: [t["to"] for t in self.daemon.transitions(rows[port]["id"]) if t["side"] == side]
                        for side in ("client", "server")}
                theirs = {"client": self.kernels(events, port, server_port), "server": self.kernels(events, server_port, port)}
                print(f"{self.hook}, {port}: {ours}")
                self.assertEqual(theirs["client"], ours["client"])
                # SYN_RECEIVED is a state of a socket that the kernel makes later, and does not tell of.
                self.assertEqual(theirs["server"], [state for state in ours["server"] if state != "SYN_RECEIVED"])

    def ended(self, ports):
        rows = {row["client"]["port"]: row for row in self.daemon.connections("zoo")}
        return rows if ports <= {port for port, row in rows.items() if row["end"] != "open"} else None

    @staticmethod
    def kernels(events, source, destination):
        history = kernel_states.full_history(events[source, destination], "TIME_WAIT")
        return [state for state in history if state != "SYN_RECEIVED"]


class LockOut(zoo.AtHome):
    """What could lock out whoever uses the API takes an end: 422, with the reason and the remedy."""
    options = ("--insecure",)
    listen = "0.0.0.0:0"

    def test_the_apis_own_port_and_the_host(self):
        port = self.daemon.api.port
        for way_in in ({"loopback": {"port": port}}, {"attach": {"target": "host"}},
                       {"attach": {"target": "netns:/proc/self/ns/net"}}):
            with self.subTest(way_in=way_in):
                told = self.daemon.refuse(422, **way_in)
                self.assertIn("/for: is missing", told)
                self.assertIn('"for": "10m" (wobble: --for 10m)', told)
        command = [ways.COMMAND, "--url", f"http://127.0.0.1:{port}", "attach", f"localhost:{port}", "--both", "delay 1ms"]
        refused = ways.run(*command, check=False)
        self.assertEqual(1, refused.returncode)
        self.assertIn("--for 10m", refused.stderr)
        attached = ways.run(*command, "--for", "2s")
        self.assertIn("attached", attached.stdout)
        for way, body in (("PATCH", {"both": {"outage": True}}), ("PUT", {"up": {"loss": "100%"}}),
                          ("PATCH", {"scenario": [{"for": "1m"}, {"for": "1m", "down": {"outage": True}}]})):
            refused = self.daemon.api.request(way, f"/api/v1/links/localhost-{port}", body)
            self.assertEqual(422, refused.status, refused)
            self.assertIn("/for: is missing", refused.json["error"])
        self.assertEqual(200, self.daemon.api.request("PATCH", f"/api/v1/links/localhost-{port}", {"up": {"delay": "2ms"}}).status)
        began = time.monotonic()  # the answer meets the outage, too
        answer = self.daemon.api.request("PATCH", f"/api/v1/links/localhost-{port}", {"both": {"outage": True}, "for": "1s"})
        self.assertEqual(200, answer.status)
        again = harness.Api(self.daemon.url)
        self.assertEqual(200, ways.wait("the API to be back", lambda: self.try_health(again)))
        took = time.monotonic() - began
        print(f"{self.hook}: back after {took:.1f} s")
        self.assertGreaterEqual(took, 1)

    @staticmethod
    def try_health(api):
        try:
            return api.request("GET", "/healthz").status
        except OSError:
            api.close()
            return None


class LocalhostByCls(Localhost):
    hook = "cls"


class StatesByCls(States):
    hook = "cls"


class LockOutByCls(LockOut):
    hook = "cls"


if __name__ == "__main__":
    zoo.main("iptables", "ip6tables", "nft")
