"""wobble run, and the machine it runs on: services of its loopback through the link and beside it, the command's own files, and
what a firewall or a missing way out makes of it. In a machine of this test's own, wired to a server as in run.py."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import harness
import run as run_tests
import ways

CONNECT = """
import socket, sys, time
began = time.monotonic()
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5) as s:
        connected = time.monotonic() - began
        s.settimeout(5)
        said = b"".join(iter(lambda: s.recv(100), b""))  # to its end: the server closes first
        print(f"{connected:.4f}", said.decode() or "end")
except OSError as error:
    print(f"{time.monotonic() - began:.4f}", type(error).__name__)
"""
ECHO = """
import socket, sys
address = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(5)
    s.connect((address, int(sys.argv[1])))
    s.send(b"question")
    print(s.recv(100).decode())
"""
FILES = """
set -e
ls /sys/class/net
mount --bind "$1" /etc/resolv.conf
cat /etc/resolv.conf
umount /etc/resolv.conf
"""


def setUpModule():
    harness.private_machine()


class Greeter:
    """A server on this machine's loopback that says who has come, and closes; by UDP it gives back what it gets."""

    def __init__(self, address, port=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.heard = []  # by UDP
        self.tcp = socket.create_server((address, port), family=family)
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.bind((address, self.port))
        for serve in (self.greet, self.echo):
            threading.Thread(target=serve, daemon=True).start()

    def greet(self):
        while True:
            try:
                peer, address = self.tcp.accept()
            except OSError:
                return
            with peer:
                peer.sendall(f"hello {address[0]}".encode())

    def echo(self):
        while True:
            try:
                data, peer = self.udp.recvfrom(100)
                self.heard.append(data)
                self.udp.sendto(data + b" answered", peer)
            except OSError:
                return

    def close(self):
        if self.tcp.fileno() >= 0:
            self.tcp.shutdown(socket.SHUT_RDWR)  # who waits in accept() is woken
        self.tcp.close()
        self.udp.close()


class RunHost(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = ways.Netns()
        cls.addClassCleanup(cls.server.close)
        run_tests.wire_to_a_server(cls.server)
        cls.server.serve(80)

    def setUp(self):
        self.before = ways.machine()
        self.ours = run_tests.files_of_ours()
        self.addCleanup(self.check_that_nothing_is_left)  # the last of them
        self.greeter = Greeter("127.0.0.1")
        self.addCleanup(self.greeter.close)

    def check_that_nothing_is_left(self):
        self.maxDiff = None
        self.assertEqual(self.before, ways.machine())
        self.assertEqual(self.ours, run_tests.files_of_ours())

    def wobble(self, *words, timeout=60, **options):
        return subprocess.run([ways.COMMAND, "run", *words], capture_output=True, text=True, timeout=timeout, check=False,
                              **options)

    def connect(self, *options, host="127.0.0.1", port=None):
        """Seconds, and what was said or the error, of a connection to localhost by a command."""
        done = self.wobble("--quiet", *options, "--", "python3", "-c", CONNECT, host, str(port or self.greeter.port))
        self.assertEqual(0, done.returncode, done.stderr)
        seconds, _, said = done.stdout.strip().partition(" ")
        return float(seconds), said

    def test_with_a_service_of_localhost(self):
        """It is reached at localhost, through the link: as slow as asked, and in the log; it sees a neighbour on loopback. So
        at ::1 where it listens there, be it there alone, or there is no other way out for IPv6."""
        at_v6 = Greeter("::1")
        self.addCleanup(at_v6.close)
        for greeter, address, word in ((self.greeter, "127.0.0.1", "localhost"), (at_v6, "::1", "localhost"), (at_v6, "::1", "[::1]")):
            with self.subTest(address=address, word=word):
                self.check_service(greeter, address, f"{word}:{greeter.port}")
        ways.run("ip", "-6", "route", "del", "default")
        self.addCleanup(ways.run, "ip", "-6", "route", "add", "default", "via", "fd88:1::2")
        self.check_service(at_v6, "::1", f"localhost:{at_v6.port}")

    def check_service(self, greeter, address, service):
        with ways.Daemon() as daemon:
            # Which addresses the name has is /etc/hosts' affair.
            host = "::1" if ":" in address else "localhost"
            seconds, said = self.connect("--url", daemon.url, "--both", "delay 50ms", "--with", service, host=host, port=greeter.port)
            self.assertEqual(f"hello {address}", said)
            self.assertGreaterEqual(seconds, 0.1)
            row = [row for row in daemon.connections("run") if row["end"] == "orderly"][0]
            self.assertEqual(("server", greeter.port), (row["closed_by"], row["server"]["port"]))
            self.assertEqual(":" in address, ":" in row["client"]["address"])
        done = self.wobble("--quiet", "--with", service, "--", "python3", "-c", ECHO, str(greeter.port), address)
        self.assertEqual("question answered", done.stdout.strip(), done.stderr)

    def test_with_a_service_that_refuses_takes_the_links_time(self):
        self.greeter.close()
        for host in ("127.0.0.1", "::1"):
            seconds, said = self.connect("--both", "delay 50ms", "--with", f"localhost:{self.greeter.port}", host=host)
            self.assertEqual("ConnectionRefusedError", said)
            self.assertGreaterEqual(seconds, 0.1)

    def test_beside_a_service_of_localhost(self):
        """It is reached at localhost, IPv4 and IPv6, and the link knows nothing of it."""
        for address in ("127.0.0.1", "::1"):
            greeter = Greeter(address)
            self.addCleanup(greeter.close)
            for host in ("127.0.0.1", "::1"):
                with ways.Daemon() as daemon:
                    seconds, said = self.connect("--url", daemon.url, "--both", "loss 100%", "--beside",
                                                 f"localhost:{greeter.port}", host=host, port=greeter.port)
                    self.assertEqual(f"hello {address}", said)
                    self.assertEqual([], daemon.connections("run"))
        _, said = self.connect("--beside", "localhost:9", port=9)
        self.assertEqual("ConnectionResetError", said)  # nobody is there

    def test_both_may_be_repeated_and_nothing_else_is_reached(self):
        other = Greeter("127.0.0.1")
        third = Greeter("127.0.0.1")
        for greeter in (other, third):
            self.addCleanup(greeter.close)
        options = ["--with", f"localhost:{self.greeter.port}", "--with", f"localhost:{other.port}", "--beside", "9", "--beside", "10"]
        for port, wanted in ((self.greeter.port, "hello 127.0.0.1"), (other.port, "hello 127.0.0.1"),
                             (third.port, "ConnectionRefusedError")):
            self.assertEqual(wanted, self.connect(*options, port=port)[1])
        # Nor by a packet for loopback that somebody sends into the link.
        script = "ip route del local 127.0.0.0/8 table local; ip route del local 127.0.0.1 table local; " \
                 f"ip route add 127.0.0.1 dev near && exec python3 -c '{ECHO}' {third.port}"
        done = self.wobble(*options, "--", "sh", "-c", script)
        self.assertIn("wobble: up: 1 packet, none dropped", done.stderr)
        self.assertEqual([], third.heard)
        at_v6 = Greeter("::1")
        self.addCleanup(at_v6.close)
        script = "ip -6 route del local ::1 dev lo table local; ip -6 route del local ::1 dev near table local; " \
                 f"ip -6 route add ::1 dev near && exec python3 -c '{ECHO}' {at_v6.port} ::1"
        done = self.wobble(*options, "--", "sh", "-c", script)
        self.assertRegex(done.stderr, r"wobble: up: [1-9]\d* packets?, none dropped")
        self.assertEqual([], at_v6.heard)

    def test_wrong_services_are_refused(self):
        for option in ("--with", "--beside"):
            for service in ("db:5432", "localhost", "localhost:0", "localhost:65536", "localhost:x", ""):
                done = self.wobble(option, service, "--", "true")
                self.assertEqual(2, done.returncode, (service, done))
                self.assertRegex(done.stderr, rf"^wobble: [^\n]*{option}[^\n]*\n$")
        done = self.wobble("--with", "localhost:80", "--beside", "localhost:80", "--", "true")
        self.assertIn("port 80 is named twice", done.stderr)

    def test_the_commands_files_are_its_own(self):
        """F11: /sys shows the namespace's interfaces and keeps what is mounted in it; resolv.conf can be mounted over."""
        done = self.wobble("--quiet", "--", "sh", "-c", FILES, "sh", self.other_resolv_conf())
        self.assertEqual((0, "lo\nnear\nnameserver 192.0.2.7\n"), (done.returncode, done.stdout), done.stderr)
        below = "awk '$5 ~ \"^/sys/\" {print $5}' /proc/self/mountinfo | sort -u | xargs stat -c '%n %d %i'"
        here = ways.run("sh", "-c", below).stdout
        self.assertEqual(here, self.wobble("--quiet", "--", "sh", "-c", below).stdout)
        ways.run("mount", "-o", "remount,bind,ro", "/sys")
        self.addCleanup(ways.run, "mount", "-o", "remount,bind,rw", "/sys")
        done = self.wobble("--quiet", "--", "sh", "-c", "awk '$5 == \"/sys\" {print $6}' /proc/self/mountinfo | tail -1")
        self.assertRegex(done.stdout, r"^ro,")

    def other_resolv_conf(self):
        path = f"/tmp/{harness.PREFIX}-resolv.conf"
        with open(path, "w", encoding="ascii") as file:
            file.write("nameserver 192.0.2.7\n")
        self.addCleanup(os.unlink, path)
        return path

    def test_in_a_chroot(self):
        """Where / is no mount point it is said what makes it one, and with that it works."""
        root = f"/tmp/{harness.PREFIX}-root"
        os.mkdir(root)
        self.addCleanup(os.rmdir, root)
        script = 'cd "$1" && shift && for at in $(ls -A /); do if [ -L /$at ]; then cp -P /$at .; elif [ -d /$at ]; then ' \
                 'mkdir $at && mount --rbind /$at $at; fi; done; '
        in_chroot = ["unshare", "--mount", "sh", "-c", f'{script} exec chroot . "$@"', "sh", root, ways.COMMAND, "run", "--quiet",
                     "--", "curl", "-sS", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "http://10.88.1.2/"]
        self.addCleanup(lambda: [os.unlink(path) if os.path.islink(path) else os.rmdir(path)
                                 for path in (os.path.join(root, name) for name in os.listdir(root))])
        done = subprocess.run(in_chroot, capture_output=True, text=True, timeout=60, check=False)
        self.assertRegex(done.stderr, r"/ is no mount point here, as in a chroot: .*mount --rbind FOLDER FOLDER")
        for name in os.listdir(root):
            path = os.path.join(root, name)
            os.unlink(path) if os.path.islink(path) else os.rmdir(path)
        in_chroot[4] = f'{script} mount --rbind "$PWD" "$PWD" && cd "$PWD" && exec chroot . "$@"'
        done = subprocess.run(in_chroot, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((0, "200"), (done.returncode, done.stdout), done.stderr)

    def test_bwrap_within_run(self):
        """F11: a sandbox can have a resolv.conf of its own, and has the network of its run."""
        inside = "cat /etc/resolv.conf; ls /sys/class/net; curl -sS -m 5 -o /dev/null -w '%{http_code}' http://10.88.1.2/"
        done = self.wobble("--both", "delay 20ms", "--", "bwrap", "--dev-bind", "/", "/", "--ro-bind", self.other_resolv_conf(),
                           "/etc/resolv.conf", "--", "sh", "-c", inside)
        self.assertEqual((0, "nameserver 192.0.2.7\nlo\nnear\n200"), (done.returncode, done.stdout), done.stderr)
        self.assertIn("wobble: 1 connection: 1 closed in order", done.stderr)

    def test_run_within_run_and_ip_netns_exec_within_run(self):
        script = f"{ways.COMMAND} run --quiet -- curl -sS -m 5 -o /dev/null -w '%{{http_code}}' http://10.88.1.2/"
        done = self.wobble("--quiet", "--", "sh", "-c", script)
        self.assertEqual((0, "200"), (done.returncode, done.stdout), done.stderr)
        name = f"{harness.PREFIX}-exec"
        os.makedirs(f"/etc/netns/{name}")
        self.addCleanup(shutil.rmtree, f"/etc/netns/{name}")
        with open(f"/etc/netns/{name}/resolv.conf", "w", encoding="ascii") as file:
            file.write("nameserver 192.0.2.8\n")
        script = f"ip netns add {name} && ip netns exec {name} cat /etc/resolv.conf; ip netns del {name}"
        done = self.wobble("--quiet", "--", "sh", "-c", script)
        self.assertEqual(("nameserver 192.0.2.8\n", ""), (done.stdout, done.stderr))

    def test_without_a_resolv_conf_names_are_found(self):
        """F11: a resolver without the file asks 127.0.0.1, and so it does in the namespace."""
        server = subprocess.Popen(harness.with_us("python3", "-c", run_tests.NAME_SERVER, "127.0.0.1", "53"))
        self.addCleanup(server.wait, 10)
        self.addCleanup(server.kill)
        ways.wait("the name server", lambda: ":53 " in ways.run("ss", "-Hltn").stdout)
        # An /etc without the file, for this test alone.
        ways.run("mount", "-t", "tmpfs", "none", "/mnt")
        self.addCleanup(ways.run, "umount", "/mnt")
        script = "cp -a /etc/. /mnt/ && rm -f /mnt/resolv.conf && mount --bind /mnt /etc && exec \"$@\""
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", ways.COMMAND, "run", "--quiet", "--", "getent",
                               "ahostsv4", "web.test"], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("10.88.1.2", done.stdout)

    def test_what_happened_meanwhile_is_told(self):
        """F7: rules that somebody flushes are made again, and it says so."""
        script = f"nsenter --net=/proc/{os.getpid()}/ns/net nft flush ruleset; sleep 2; " \
                 "curl -sS -m 5 -o /dev/null -w '%{http_code}' http://10.88.1.2/"
        done = self.wobble("--quiet", "--", "sh", "-c", script)
        self.assertEqual((0, "200"), (done.returncode, done.stdout), done.stderr)
        self.assertRegex(done.stderr, r"\Awobble: run: its nftables table wobble_run\d+ had been changed or removed: it is made again\n\Z")

    def test_a_child_that_stays_is_told_of(self):
        done = self.wobble("--quiet", "--", "sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!")
        os.kill(int(done.stdout), signal.SIGKILL)
        self.assertEqual("wobble: what the command has left running goes on, without a network\n", done.stderr)

    def test_a_firewall_that_eats_it_is_named(self):
        """F3: every command timed out, and nobody said why. With what is named, it runs."""
        for rules, culprit in (
                ("table ip filter {\n chain FORWARD {\n type filter hook forward priority 0; policy drop;\n }\n}\n", "ip filter FORWARD"),
                ("table inet own {\n chain pass {\n type filter hook forward priority 5; policy drop;\n }\n}\n", "inet own pass"),
                ("table ip6 filter {\n chain FORWARD {\n type filter hook forward priority 0; policy drop;\n }\n}\n",
                 "ip6 filter FORWARD"),
                ("table inet own {\n chain pass {\n type filter hook forward priority 0;\n meta l4proto { tcp, udp } drop\n }\n}\n",
                 None)):
            with self.subTest(rules=rules):
                with self.firewall(rules):
                    self.check_that_it_is_named(culprit)

    def check_that_it_is_named(self, culprit):
        done = self.wobble("--quiet", "--", "true")
        self.assertEqual(1, done.returncode, done)
        self.assertRegex(done.stderr, r"^wobble: [^\n]*firewall does not let the command's IPv[46] packets through: [^\n]+\n$")
        print(done.stderr.strip())
        if not culprit:
            return
        self.assertIn(f"the policy of {culprit} (", done.stderr)
        for remedy in re.findall(r"(?:ip6?tables -I|nft insert)[^;\n]+?(?:ACCEPT|accept)", done.stderr):
            ways.run("sh", "-c", remedy)
        self.assertEqual(0, self.wobble("--quiet", "--", "true").returncode)

    def test_a_firewall_that_eats_what_comes_in_is_named(self):
        rules = """table inet own {
 chain in {
  type filter hook input priority 0; policy drop;
  iifname "lo" accept
  meta l4proto icmpv6 accept
 }
}
"""
        with self.firewall(rules):
            self.assertEqual(0, self.wobble("--quiet", "--", "true").returncode)
            done = self.wobble("--quiet", "--with", f"localhost:{self.greeter.port}", "--", "true")
            self.assertEqual(1, done.returncode)
            self.assertIn(f"does not let what the command sends to localhost:{self.greeter.port} in: the policy of inet own in", done.stderr)
            ways.run("sh", "-c", re.search(r"nft insert[^;\n]+?accept", done.stderr).group(0))
            self.assertEqual("hello 127.0.0.1", self.connect("--with", f"localhost:{self.greeter.port}")[1])
            self.assertEqual("hello 127.0.0.1", self.connect("--beside", f"localhost:{self.greeter.port}")[1])

    @contextlib.contextmanager
    def firewall(self, rules):
        ways.run("nft", "-f", "-", input=rules)
        try:
            yield
        finally:
            for table in re.findall(r"^table (\w+ \w+)", rules, re.MULTILINE):
                ways.run("nft", "delete", "table", *table.split())

    def test_without_a_way_out_there_is_no_false_alarm(self):
        """No default route, no route at all, and strict filters of the reverse path."""
        ways.run("ip", "route", "del", "default")
        self.addCleanup(ways.run, "ip", "route", "add", "default", "via", "10.88.1.2")
        self.assertEqual(0, self.wobble("--quiet", "--", "true").returncode)
        script = "ip link set lo up; exec \"$@\""
        done = subprocess.run(["unshare", "--net", "sh", "-c", script, "sh", ways.COMMAND, "run", "--quiet", "--", "true"],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        ways.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1")
        self.addCleanup(ways.run, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0")
        self.assertEqual(0, self.wobble("--quiet", "--", "true").returncode)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    harness.main("bwrap", "curl", "nft", "ss", "iptables", "unshare", "getent")
