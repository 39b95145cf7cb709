"""The ways in that stand in the daemon's own namespace: host, loopback, run, gateway. In a machine of this test's own."""

import signal
import socket
import struct
import subprocess
import sys
import unittest

import harness
import ways


class Here:
    """Our own namespace, in the shape of ways.Netns."""

    name = str(1)

    @staticmethod
    def run(*words, check=True, **options):
        return ways.run(*words, check=check, **options)


def setUpModule():
    harness.private_machine()
    ways.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")


class OwnNamespace(unittest.TestCase):
    def setUp(self):
        setUpModule()  # what one test leaves is not the next one's
        self.here = Here()
        self.outside = ways.Netns()
        self.addCleanup(self.outside.close)
        ways.run("ip", "link", "add", "e0", "type", "veth", "peer", "name", "e0", "netns", self.outside.name)
        self.addCleanup(lambda: ways.run("ip", "link", "del", "e0", check=False))
        for side, host in ((self.here, 1), (self.outside, 2)):
            side.run("ip", "addr", "add", f"10.88.1.{host}/24", "dev", "e0")
            side.run("ip", "addr", "add", f"fd88:1::{host}/64", "dev", "e0", "nodad")
            side.run("ip", "link", "set", "e0", "up")
        self.v4, self.v6 = "10.88.1.2", "fd88:1::2"
        self.outside.serve(80)
        self.before = ways.machine()
        self.daemon = ways.Daemon()
        self.addCleanup(self.daemon.stop)

    def serve_here(self, port):
        server = subprocess.Popen(harness.with_us("python3", ways.SERVER, port))
        self.addCleanup(lambda: (server.kill(), server.wait(10)))
        ways.wait("the server to listen", lambda: f":{port} " in ways.run("ss", "-Htln").stdout)

    def check_put_back(self):
        self.assertEqual(self.before, ways.machine())

    def test_host(self):
        self.daemon.create(attach={"target": "host"}, both={"delay": "50ms"})
        ways.check_way_in(self, self.daemon, "host", self.here, (f"http://{self.v4}/", f"http://[{self.v6}]/"),
                          (("10.88.1.1", self.v4), ("fd88:1::1", self.v6)), "host")
        self.daemon.delete("host")
        self.check_put_back()

    def test_a_port_used_again_while_its_reset_is_in_flight(self):
        """The second SYN comes before the first connection's third ACK, data and RST have left: those still are told, and
        the server's kernel, which was ESTABLISHED and was reset, is told truly."""
        self.daemon.create(attach={"target": "host"}, both={"delay": "200ms"})
        for _ in range(2):
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                client.bind(("10.88.1.1", 45000))
                client.connect((self.v4, 80))
                client.sendall(b"hello")
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        def ended():
            items = self.daemon.api.get("/api/v1/connections?port=45000")["items"]
            return sorted(items, key=lambda c: c["id"]) if len(items) == 2 and all(c["closed_at"] for c in items) else None
        for connection in ways.wait("both to end", ended):
            self.assertEqual("reset", connection["end"])
            # SYN, the third ACK, data and the RST; another RST if something of the server's came after that.
            self.assertIn(connection["client"]["packets_sent"], (4, 5))
            self.assertEqual(connection["client"]["packets_sent"], connection["client"]["packets_delivered"])
            steps = self.daemon.api.get(f"/api/v1/connections/{connection['id']}/transitions")["items"]
            self.assertEqual(["SYN_RECEIVED", "ESTABLISHED", "CLOSED"], [s["to"] for s in steps if s["side"] == "server"])

    def test_loopback(self):
        self.serve_here(8000)
        self.serve_here(8001)
        self.daemon.create(loopback={"port": 8000}, up={"delay": "70ms"}, down={"delay": "30ms"})
        ways.check_way_in(self, self.daemon, "localhost-8000", self.here, ("http://127.0.0.1:8000/", "http://[::1]:8000/"),
                          (("127.0.0.1", "127.0.0.1"), ("::1", "::1")), "loopback")
        for host in ("127.0.0.1", "[::1]"):
            size = self.here.run("curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}", f"http://{host}:8000/3000000")
            self.assertEqual("3000000", size.stdout)
            self.assertLess(min(ways.connect_times(self.here, f"http://{host}:8001/")), 0.05)
        self.assertLess(min(ways.connect_times(self.here, f"http://{self.v4}/")), 0.05)
        self.assertIn("already", self.daemon.refuse(409, name="again", loopback={"port": 8000}))
        rows = self.daemon.connections("localhost-8000")
        self.assertEqual({("127.0.0.1", "127.0.0.1", 8000), ("::1", "::1", 8000)},
                         {(row["client"]["address"], row["server"]["address"], row["server"]["port"]) for row in rows
                          if row["protocol"] == "tcp"})
        self.daemon.create(name="second", loopback={"port": 8001}, both={"loss": "100%"})
        for host in ("127.0.0.1", "[::1]"):
            lost = self.here.run("curl", "-sS", "-m", "1", f"http://{host}:8001/", check=False)
            self.assertEqual(28, lost.returncode)
        self.daemon.delete("localhost-8000")
        self.daemon.delete("second")
        self.check_put_back()

    def test_run(self):
        link = self.daemon.create(run={}, both={"delay": "50ms"})
        other = self.daemon.create(run={"dns": ["192.0.2.53"]})
        self.assertNotEqual(link["near"]["addresses"], other["near"]["addresses"])
        self.assertEqual(["192.0.2.53"], other["way_in"]["dns"])
        near = harness.Namespace(link["near"]["netns"], link["near"]["addresses"], "near")
        own4, own6 = link["near"]["addresses"]
        ways.check_way_in(self, self.daemon, "run", near, (f"http://{self.v4}/", f"http://[{self.v6}]/"),
                          ((own4, self.v4), (own6, self.v6)), "run")
        second = harness.Namespace(other["near"]["netns"], other["near"]["addresses"], "near")
        self.assertLess(min(ways.connect_times(second, f"http://{self.v4}/")), 0.05)
        addresses = {row["client"]["address"] for row in self.daemon.connections("run") if row["protocol"] == "tcp"}
        self.assertEqual(set(link["near"]["addresses"]), addresses)
        self.daemon.delete("run")
        self.daemon.delete(other["name"])
        self.check_put_back()

    def test_kill_and_start_puts_back(self):
        self.serve_here(8000)
        self.daemon.create(attach={"target": "host", "ports": [80]})
        self.daemon.create(loopback={"port": 8000})
        self.daemon.create(run={})
        self.assertNotEqual(self.before["sysctls"], ways.machine()["sysctls"])
        self.daemon.stop(signal.SIGKILL)
        # Open: what is left diverts nothing.
        self.here.run("curl", "-sS", "-m", "5", "-o", "/dev/null", f"http://{self.v4}/")
        for host in ("127.0.0.1", "[::1]"):
            self.here.run("curl", "-sS", "-m", "5", "-o", "/dev/null", f"http://{host}:8000/")
        with ways.Daemon() as next_one:
            self.assertIn("put back", next_one.stderr())
            self.check_put_back()

    def test_kill_and_cleanup_puts_back(self):
        self.daemon.create(attach={"target": "host", "fail": "closed"})
        self.daemon.stop(signal.SIGKILL)
        said = ways.run(ways.COMMAND, "--url", "http://127.0.0.1:1", "cleanup").stdout
        self.assertIn("removed the tc filter", said)
        self.check_put_back()


class WithoutRights(unittest.TestCase):
    """One clear line each, from the daemon and from doctor; nothing is left half done."""

    def test_no_capability(self):
        command = ["setpriv", "--bounding-set=-net_admin,-sys_admin", "--inh-caps=-all", harness.DAEMON]
        self.refused(command, r"Operation not permitted.*(root|NET_ADMIN)")

    def test_no_tun(self):
        hide = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh", harness.DAEMON]
        self.refused(hide, r"/dev/net/tun.*--device /dev/net/tun")

    def refused(self, command, words):
        before = ways.machine()
        with ways.Daemon(command=command) as daemon:
            line = daemon.refuse(503, run={})
            print(line)
            self.assertRegex(line, words)
            self.assertEqual([], daemon.api.get("/api/v1/links")["items"])
            self.assertEqual(before, ways.machine())

    def test_parameters_that_cannot_be_set(self):
        """As in a container: what is right need not be written, what is wrong is named, with what mends it."""
        fixed = 'mount -o bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", fixed, "sh"]
        ways.run("ip", "link", "add", "ro0", "type", "veth", "peer", "name", "ro1")
        self.addCleanup(lambda: ways.run("ip", "link", "del", "ro0", check=False))
        for name in ("ro0", "ro1"):
            ways.run("ip", "link", "set", name, "up")
        ways.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
        gateway = {"in": "ro0", "out": "ro1"}
        with ways.Daemon(command=[*command, harness.DAEMON]) as daemon:
            line = daemon.refuse(503, gateway=gateway)
            print(line)
            self.assertRegex(line, r"forwarding is 0 and must be 1.*--sysctl")
            self.assertNotIn("wob0", ways.run("ip", "link").stdout)
        said = ways.run(*command, ways.COMMAND, "--url", "http://127.0.0.1:1", "doctor", check=False).stdout
        self.assertRegex(said, r"missing +net.ipv4.ip_forward.*sysctl -w net.ipv4.ip_forward=1")
        accept = ways.run("sysctl", "-n", "net.ipv4.conf.all.accept_redirects").stdout.strip()
        ways.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        try:
            with ways.Daemon(command=[*command, harness.DAEMON]) as daemon:
                daemon.create(gateway=gateway)
        finally:
            ways.run("sysctl", "-qw", "net.ipv4.ip_forward=0", f"net.ipv4.conf.all.accept_redirects={accept}")


class Gateway(unittest.TestCase):
    def setUp(self):
        self.client, self.server = ways.Netns(), ways.Netns()
        self.addCleanup(self.client.close)
        self.addCleanup(self.server.close)
        for number, (netns, name) in enumerate(((self.client, "gw-in"), (self.server, "gw-out")), 1):
            ways.run("ip", "link", "add", name, "type", "veth", "peer", "name", "e0", "netns", netns.name)
            for side, device, host in ((Here(), name, 1), (netns, "e0", 2)):
                side.run("ip", "addr", "add", f"10.88.{number}.{host}/24", "dev", device)
                side.run("ip", "addr", "add", f"fd88:{number}::{host}/64", "dev", device, "nodad")
                side.run("ip", "link", "set", device, "up")
        for name in ("gw-in", "gw-out"):
            self.addCleanup(lambda name=name: ways.run("ip", "link", "del", name, check=False))
        self.client.run("ip", "route", "add", "default", "via", "10.88.1.1")
        self.client.run("ip", "route", "add", "default", "via", "fd88:1::1")
        self.server.serve(80)
        self.before = ways.machine()

    def route_back(self):
        self.server.run("ip", "route", "add", "10.88.1.0/24", "via", "10.88.2.1")
        self.server.run("ip", "route", "add", "fd88:1::/64", "via", "fd88:2::1")

    def test_by_the_api(self):
        self.route_back()
        with ways.Daemon() as daemon:
            daemon.create(gateway={"in": "gw-in", "out": "gw-out"}, both={"delay": "50ms"})
            ways.check_way_in(self, daemon, "gw-in-gw-out", self.client, ("http://10.88.2.2/", "http://[fd88:2::2]/"),
                              (("10.88.1.2", "10.88.2.2"), ("fd88:1::2", "fd88:2::2")), "gateway")
            ping = self.client.run("ping", "-c", "1", "fd88:2::2").stdout
            self.assertGreaterEqual(float(ping.split("time=")[1].split()[0]), 100)
            daemon.delete("gw-in-gw-out")
            self.assertEqual(self.before, ways.machine())

    def test_by_the_command_line_with_masquerade(self):
        with ways.Daemon("--gateway", "gw-in:gw-out,masquerade") as daemon:
            daemon.api.request("PATCH", "/api/v1/links/gw-in-gw-out", {"both": {"delay": "50ms"}})
            ways.check_connect(self, self.client, "http://10.88.2.2/", 0.1, "gateway that masquerades")
            ways.check_connect(self, self.client, "http://[fd88:2::2]/", 0.1, "the same, IPv6")
            self.assertEqual(0, daemon.stop())
        self.assertEqual(self.before, ways.machine())


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    harness.main("curl", "ping", "sysctl", "ss", "nft")
