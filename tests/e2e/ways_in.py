"""attach: a link in front of a namespace that knows nothing of it. It carries, impairs and logs; only what was meant
passes through it; afterwards everything is as it was. In a machine of this test's own."""

import os
import signal
import subprocess
import sys
import unittest

import harness
import ways


def setUpModule():
    harness.private_machine()


class Attached(unittest.TestCase):
    """A client namespace with two wires: e0 to a server that is meant, e1 to another."""

    def setUp(self):
        self.client, self.server, self.other = ways.Netns(), ways.Netns(), ways.Netns()
        for netns in (self.client, self.server, self.other):
            self.addCleanup(netns.close)
        self.me4, self.v4, self.me6, self.v6 = ways.wire(self.client, self.server, 1)
        _, self.other4, _, _ = ways.wire(self.client, self.other, 2, names=("e1", "e0"))
        self.server.serve(80)
        self.server.serve(81)
        self.other.serve(80)
        self.daemon = ways.Daemon()
        self.addCleanup(self.daemon.stop)

    def attach(self, conditions=None, **settings):
        return self.daemon.create(name="client", attach={"target": f"netns:{self.client.name}", **settings},
                                  both=conditions or {"delay": "50ms"})

    def curl(self, url, seconds=1):
        return self.client.run("curl", "-sS", "-m", str(seconds), "-o", "/dev/null", url, check=False).returncode

    def test_it_carries_delays_and_logs(self):
        before = ways.machine(self.client)
        neighbours = [ways.machine(self.server), ways.machine(self.other)]
        link = self.attach()
        self.assertEqual(("attach", "up"), (link["way_in"]["kind"], link["way_in"]["state"]))
        self.assertIn(self.me4, link["near"]["addresses"])
        ways.check_way_in(self, self.daemon, "client", self.client, (f"http://{self.v4}/", f"http://[{self.v6}]/"),
                          ((self.me4, self.v4), (self.me6, self.v6)), "attach")
        ways.check_connect(self, self.client, f"http://{self.other4}/", 0.1, "its other interface")
        ping = self.client.run("ping", "-c", "1", "-W", "5", self.v4).stdout
        self.assertGreaterEqual(float(ping.split("time=")[1].split()[0]), 100)
        self.daemon.delete("client")
        self.assertEqual(before, ways.machine(self.client))
        self.assertEqual(neighbours, [ways.machine(self.server), ways.machine(self.other)])
        self.assertLess(min(ways.connect_times(self.client, f"http://{self.v4}/")), 0.05)

    def test_the_other_way_round(self):
        """A server is attached: who connects to it meets the link too, and a large answer comes whole."""
        before = ways.machine(self.server)
        self.daemon.create(name="server", attach={"target": f"netns:{self.server.name}"}, both={"delay": "50ms"})
        ways.check_connect(self, self.client, f"http://{self.v4}/", 0.1, "to an attached server")
        ways.check_connect(self, self.client, f"http://[{self.v6}]/", 0.1, "to an attached server, IPv6")
        size = self.client.run("curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}", f"http://{self.v4}/3000000")
        self.assertEqual("3000000", size.stdout)
        self.daemon.delete("server")
        self.assertEqual(before, ways.machine(self.server))

    def test_loss_stops_it_and_reset_lets_it_go_on(self):
        self.attach({"loss": "100%"})
        self.assertEqual(28, self.curl(f"http://{self.v4}/"))
        self.assertEqual(28, self.curl(f"http://[{self.v6}]/"))
        self.assertEqual(200, self.daemon.api.request("POST", "/api/v1/links/client/reset").status)
        self.assertEqual(0, self.curl(f"http://{self.v4}/"))

    def test_one_port_only(self):
        self.attach({"loss": "100%"}, ports=[80], protocol="tcp")
        ping = self.client.run("ping", "-c", "3", "-i", "0.2", self.v4).stdout
        self.assertIn(" 0% packet loss", ping)
        self.client.run("ping", "-c", "1", self.v6)
        for url in (f"http://{self.v4}:81/", f"http://[{self.v6}]:81/"):
            self.assertEqual(0, self.curl(url))
        self.assertEqual(0, self.daemon.total("client") + self.daemon.total("client", "down"))
        self.assertEqual(28, self.curl(f"http://{self.v4}/"))
        self.assertGreater(self.daemon.total("client"), 0)

    def test_one_port_both_directions_pass(self):
        self.attach(ports=[80])
        ways.check_connect(self, self.client, f"http://{self.v4}/", 0.1, "port 80 only")
        ways.check_connect(self, self.client, f"http://[{self.v6}]/", 0.1, "port 80 only, IPv6")
        self.assertGreater(self.daemon.total("client", "down"), 0)

    def test_one_interface_or_network_only(self):
        for settings in ({"interfaces": ["e0"]}, {"addresses": ["10.88.1.0/24"]}):
            with self.subTest(settings=settings):
                self.attach({"loss": "100%"}, **settings)
                self.assertEqual(0, self.curl(f"http://{self.other4}/"))
                self.assertEqual(0, self.daemon.total("client"))
                self.assertEqual(28, self.curl(f"http://{self.v4}/"))
                self.daemon.delete("client")

    def test_one_protocol_only(self):
        """Nothing of the others comes near the daemon. "icmp" is ICMPv6 too, but not neighbour discovery."""
        ping = ("ping", "-c", "1", "-W", "1")
        for protocol in ("udp", "icmp", "tcp"):
            with self.subTest(protocol=protocol):
                self.attach({"loss": "100%"}, protocol=protocol)
                self.assertEqual(protocol != "icmp", self.client.run(*ping, self.v4, check=False).returncode == 0)
                self.assertEqual(protocol != "icmp", self.client.run(*ping, self.v6, check=False).returncode == 0)
                taken = self.daemon.total("client")
                self.assertEqual(protocol == "icmp", taken > 0)
                for url in (f"http://{self.v4}/", f"http://[{self.v6}]/"):
                    self.assertEqual(28 if protocol == "tcp" else 0, self.curl(url))
                for family, address in (("AF_INET", self.v4), ("AF_INET6", self.v6)):
                    taken = self.daemon.total("client")
                    script = f"import socket; socket.socket(socket.{family}, socket.SOCK_DGRAM).sendto(b'x', ('{address}', 9))"
                    self.client.run("python3", "-c", script)
                    if protocol == "udp":
                        ways.wait("the datagram", lambda taken=taken: self.daemon.total("client") > taken)
                    elif protocol == "icmp":
                        self.assertEqual(taken, self.daemon.total("client"))
                self.daemon.delete("client")

    def test_one_network_of_ipv6_only(self):
        self.attach({"loss": "100%"}, addresses=["fd88:1::/64"])
        self.assertEqual(0, self.curl(f"http://{self.v4}/"))
        self.assertEqual(0, self.curl(f"http://{self.other4}/"))
        self.assertEqual(0, self.daemon.total("client"))
        self.assertEqual(28, self.curl(f"http://[{self.v6}]/"))

    def test_two_links_for_two_ports(self):
        target = f"netns:{self.client.name}"
        before = ways.machine(self.client)
        self.daemon.create(name="a", attach={"target": target, "ports": [80]}, both={"delay": "50ms"})
        self.assertIn("already", self.daemon.refuse(409, name="b", attach={"target": target}))
        self.daemon.create(name="b", attach={"target": target, "ports": [81]}, both={"delay": "80ms"})
        ways.check_connect(self, self.client, f"http://{self.v4}/", 0.1, "the first")
        ways.check_connect(self, self.client, f"http://{self.v4}:81/", 0.16, "the second")
        self.daemon.delete("a")
        ways.check_connect(self, self.client, f"http://{self.v4}:81/", 0.16, "the second, alone")
        self.daemon.delete("b")
        self.assertEqual(before, ways.machine(self.client))

    def test_neighbours_are_found_again(self):
        """ARP and neighbour discovery do not pass through the link: who has forgotten us asks, and is answered."""
        self.attach()
        for _ in range(2):
            self.server.run("ip", "neigh", "flush", "all")
            self.client.run("ip", "neigh", "flush", "all")
            self.assertIn(" 0% packet loss", self.server.run("ping", "-c", "1", "-W", "3", self.me4).stdout)
            self.assertIn(" 0% packet loss", self.server.run("ping", "-c", "1", "-W", "3", self.me6).stdout)

    def test_no_parameter_is_touched_however_strict(self):
        for name in ("all", "default", "e0"):
            self.client.run("sysctl", "-qw", f"net.ipv4.conf.{name}.rp_filter=1")
        self.client.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.e1.accept_ra=0")
        before = ways.machine(self.client)
        self.attach()
        there = ways.machine(self.client)
        others = [line for line in there["sysctls"].splitlines() if ".wob" not in line]
        self.assertEqual(before["sysctls"].splitlines(), others)
        for what in ("rules", "nftables", "addresses"):
            self.assertEqual(before[what], there[what])
        ways.check_connect(self, self.client, f"http://{self.v4}/", 0.1, "with rp_filter 1 before")
        self.daemon.delete("client")
        self.assertEqual(before, ways.machine(self.client))

    def test_an_orderly_stop_puts_all_back(self):
        before = ways.machine(self.client)
        self.attach()
        self.curl(f"http://{self.v4}/")
        self.assertEqual(0, self.daemon.stop(signal.SIGTERM))
        self.assertEqual(before, ways.machine(self.client))

    def test_what_cannot_be_attached_leaves_nothing(self):
        before = ways.machine(self.client)
        own = ways.machine()
        target = f"netns:{self.client.name}"
        for status, words, body in (
                (422, "no process", {"attach": {"target": "pid:4194304"}}),
                (422, "no network namespace 'nowhere'", {"attach": {"target": "netns:nowhere"}}),
                (422, "no network namespace", {"attach": {"target": "netns:/etc/passwd"}}),
                (422, "none of pid:N", {"attach": {"target": "elsewhere"}}),
                (422, "no interface 'e7'", {"attach": {"target": target, "interfaces": ["e7"]}}),
                (422, "loopback", {"attach": {"target": target, "interfaces": ["lo"]}}),
                (422, "no interface 'e7'", {"gateway": {"in": "e7", "out": "e8"}}),
                (422, "no interface there is up", {"attach": {"target": "host"}})):
            with self.subTest(body=body):
                self.assertIn(words, self.daemon.refuse(status, **body))
                self.assertEqual([], self.daemon.api.get("/api/v1/links")["items"])
        self.assertEqual(before, ways.machine(self.client))
        self.assertEqual(own, ways.machine())

    def test_a_target_that_ends_is_noticed(self):
        process = self.client.popen("sleep", "1000")
        pid = process.pid
        inside = self.client.run("readlink", "/proc/self/ns/net").stdout.strip()
        ways.wait("it to be inside", lambda: os.readlink(f"/proc/{pid}/ns/net") == inside)
        self.daemon.create(name="short", attach={"target": f"pid:{pid}"})
        process.kill()
        process.wait(10)
        ways.wait("the link to be removed", lambda: not self.daemon.api.get("/api/v1/links")["items"])
        told = [event["text"] for event in self.daemon.api.get("/api/v1/events?link=short&limit=1000")["items"]]
        self.assertIn(f"short: process {pid} has ended", told)
        ways.wait("its devices to go", lambda: "wob0" not in self.client.run("ip", "link").stdout)

    def test_a_namespace_that_comes_back_is_followed(self):
        name = f"{harness.PREFIX}-follow"
        self.daemon.create(name="follow", attach={"target": f"netns:{name}", "follow": True}, both={"delay": "50ms"})

        def state():
            return self.daemon.api.get("/api/v1/links/follow")["way_in"]["state"]
        self.assertEqual("waiting", state())
        for number in (3, 4):
            netns = ways.Netns(name)
            try:
                _, server4, _, _ = ways.wire(netns, self.server, number, names=("e0", f"e{number}"))
                ways.wait("it to be attached", lambda: state() == "up")
                ways.check_connect(self, netns, f"http://{server4}/", 0.1, f"followed, time {number - 2}", count=3)
            finally:
                netns.close()
            ways.wait("it to wait", lambda: state() == "waiting")
        self.daemon.delete("follow")

    def test_the_command(self):
        wobble = [ways.COMMAND, "--url", self.daemon.url]
        before = ways.machine(self.client)
        said = ways.run(*wobble, "attach", f"netns:{self.client.name}", "--name", "web", "--port", "80", "--both",
                        "delay 50ms", "--seed", "7").stdout
        self.assertIn("web attached", said)
        ways.check_connect(self, self.client, f"http://{self.v4}/", 0.1, "by the command", count=3)
        self.assertEqual(7, self.daemon.api.get("/api/v1/links/web")["seed"])
        self.assertEqual("web is detached\n", ways.run(*wobble, "detach", "web").stdout)
        self.assertEqual(before, ways.machine(self.client))
        failed = subprocess.run([*wobble, "attach", "pid:4194304"], capture_output=True, text=True, check=False)
        self.assertEqual(1, failed.returncode)
        self.assertIn("no process 4194304", failed.stderr)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    harness.main("curl", "ping", "sysctl", "ss", "nft")
