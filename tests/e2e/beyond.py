"""What lies beyond the link: losses before it, within it and behind it, against the counters of the sender's kernel.

1,000 connections for each place: one side sends some 60 segments on each, and closes. What is lost is dropped by nftables
behind the link, by the link, or by a router in front of a link that is attached to the receiver (full segments only, never
SYN or FIN: of what is lost before us the first and the last of a connection could not be seen). Then, within one in a hundred of
all retransmissions (before us, where some are seen by nobody but their sender, four):
  in all       as the kernel's RetransSegs
  fast         as its TCPFastRetrans
  after a timer  as what is left of RetransSegs
  spurious     as the duplicates that its peer reported (TCPDSACKRecv), which a kernel takes for no kind of its own
and where: due to us within, lost_behind behind, lost_before before the link.
"""

import selectors
import socket
import time
import types
import unittest

import harness
import ways

CONNECTIONS = 1000
AT_ONCE = 50
PAYLOAD = b"x" * (1448 * 60)
TAIL = b"the last segment is a short one"
PORT = 7900
FULL = "tcp flags & (syn | fin) == 0 meta length > 1400"
LOST = "numgen random mod 1000 < 8 counter drop"
SHARE = 0.01


def counters(namespace):
    listing = namespace.run("nstat", "-asz").stdout
    return {name: int(value) for name, value, _ in map(str.split, listing.splitlines()[1:])}


class Traffic:
    """Connections of the near side to the far side, so many at a time; each is read to its end and closed."""

    def __init__(self, lab):
        self.lab = lab
        self.selector = selectors.EpollSelector()
        self.listener = lab.far.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((lab.far.v4, PORT))
        self.listener.listen(1024)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.left_to_send = {}
        self.begun = self.done = 0

    def open_more(self):
        with self.lab.near.entered():
            while self.begun < CONNECTIONS and len(self.left_to_send) < AT_ONCE:
                client = socket.socket()
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.connect_ex((self.lab.far.v4, PORT))
                self.left_to_send[client] = memoryview(PAYLOAD)
                self.selector.register(client, selectors.EVENT_WRITE, "client")
                self.begun += 1

    def run(self, seconds=240):
        deadline = time.monotonic() + seconds
        while self.done < CONNECTIONS:
            if time.monotonic() > deadline:
                raise AssertionError(f"only {self.done} of {CONNECTIONS} connections ended in {seconds} s")
            self.open_more()
            for key, _ in self.selector.select(1):
                self.handle(key.fileobj, key.data)
        self.selector.unregister(self.listener)
        self.listener.close()

    def handle(self, sock, kind):
        if kind is None:
            server, _ = sock.accept()
            server.setblocking(False)
            self.selector.register(server, selectors.EVENT_READ, "server")
        elif kind == "client":
            self.send(sock)
        elif not sock.recv(1 << 20):
            self.selector.unregister(sock)
            sock.close()
            self.done += 1

    def send(self, client):
        left = self.left_to_send[client]
        left = left[client.send(left):] if left else left
        self.left_to_send[client] = left
        if left:
            return
        del self.left_to_send[client]
        self.selector.unregister(client)
        client.setblocking(True)
        client.send(TAIL)
        client.close()


class Beyond(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(harness.Lab("--no-offload", "--flood-rate", "0"))
        # One wire packet is one packet to nftables too.
        self.lab.near.run("ip", "link", "set", self.lab.near.device, "gso_max_segs", "1")
        self.lab.both(delay="5ms")
        self.api = self.lab.api

    def drop(self, namespace, rules):
        namespace.run("nft", rules)

    def measure(self):
        """What the kernel counted, and the sum of what we counted, of the senders."""
        before = counters(self.lab.near)
        Traffic(self.lab).run()
        time.sleep(0.2)  # what is on its way arrives
        after = counters(self.lab.near)
        kernel = {name: after[name] - before[name] for name in after}
        ours, connections = {}, 0
        for connection in self.api.pages(f"/api/v1/connections?port={PORT}&limit=1000"):
            connections += 1
            client = connection["client"]
            for name, value in {**client["retransmitted"], "all": client["retransmissions"],
                                "syn": connection["syn_retries"]}.items():
                ours[name] = ours.get(name, 0) + value
        self.assertEqual(connections, CONNECTIONS)
        interesting = {name: kernel[name] for name in (
            "TcpRetransSegs", "TcpExtTCPFastRetrans", "TcpExtTCPSlowStartRetrans", "TcpExtTCPSynRetrans",
            "TcpExtTCPLossProbes", "TcpExtTCPTimeouts", "TcpExtTCPDSACKRecv", "TcpExtTCPLostRetransmit")}
        print(f"\n{self._testMethodName}: {interesting}\n  ours: {ours}")
        self.assertGreater(kernel["TcpRetransSegs"], 300, "or nothing was compared")
        return kernel, ours

    def assert_near(self, ours, kernels, total, what):
        self.assertLessEqual(abs(ours - kernels), max(SHARE * total, 3), f"{what}: ours {ours}, the kernel's {kernels}")

    def assert_kinds(self, kernel, ours, unseen=0, share=SHARE):
        total = kernel["TcpRetransSegs"]
        fast = kernel["TcpExtTCPFastRetrans"]
        self.assert_near(ours["all"], total - unseen, total, "in all")
        self.assert_near(ours["spurious"], kernel["TcpExtTCPDSACKRecv"], total, "spurious")
        # A kernel counts what was for nothing as fast or not as well.
        self.assertLessEqual(ours["fast"], fast + max(share * total, 3))
        self.assertGreaterEqual(ours["fast"] + ours["spurious"], fast - unseen - max(share * total, 3))
        timers = total - fast
        self.assertLessEqual(ours["timeout"], timers + max(share * total, 3))
        self.assertGreaterEqual(ours["timeout"] + ours["spurious"], timers - unseen - max(share * total, 3))

    def test_losses_behind(self):
        self.drop(self.lab.far, "add table inet beyond; add chain inet beyond in { type filter hook input priority 0; }; "
                                f"add rule inet beyond in {FULL} tcp dport {PORT} {LOST}")
        kernel, ours = self.measure()
        self.assert_kinds(kernel, ours)
        self.assertEqual(ours["due_to_us"], 0)
        self.assertEqual(ours["lost_before"], 0)
        self.assert_near(ours["lost_behind"], ours["all"] - ours["spurious"], ours["all"], "lost behind")

    def test_losses_before(self):
        # A sender whose own kernel drops knows of it: a router must.
        client, router, server = (ways.Netns() for _ in range(3))
        for netns in (client, router, server):
            self.addCleanup(netns.close)
        near4, _, near6, _ = ways.wire(client, router, 1)
        _, far4, _, far6 = ways.wire(router, server, 2, names=("e1", "e0"))
        client.run("ip", "route", "add", "default", "via", "10.88.1.2")
        server.run("ip", "route", "add", "default", "via", "10.88.2.1")
        client.run("ip", "link", "set", "e0", "gso_max_segs", "1")
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        daemon = self.enterContext(ways.Daemon("--no-offload", "--flood-rate", "0"))
        daemon.create(name="beyond", attach={"target": f"netns:{server.name}"}, both={"delay": "5ms"})
        self.api = daemon.api
        self.lab = types.SimpleNamespace(near=harness.Namespace(f"/run/netns/{client.name}", [near4, near6], "e0"),
                                         far=harness.Namespace(f"/run/netns/{server.name}", [far4, far6], "e0"))
        self.drop(router, "add table inet beyond; add chain inet beyond out { type filter hook forward priority 0; }; "
                          f"add rule inet beyond out {FULL} tcp dport {PORT} {LOST}")
        kernel, ours = self.measure()
        # A retransmission that is lost before us as well is seen by nobody but its sender.
        unseen = kernel["TcpRetransSegs"] - ours["all"]
        self.assertLessEqual(unseen, 0.05 * kernel["TcpRetransSegs"])
        self.assertGreaterEqual(unseen, 0)
        # What asked for it was sometimes lost with it: then it is taken for a timer's.
        self.assert_kinds(kernel, ours, unseen, share=0.04)
        self.assertEqual(ours["due_to_us"], 0)
        self.assert_near(ours["lost_before"], ours["all"] - ours["spurious"], ours["all"], "lost before")

    def test_losses_within(self):
        self.lab.put(up={"delay": "5ms", "loss": "0.8%"}, down={"delay": "5ms"})
        kernel, ours = self.measure()
        total = kernel["TcpRetransSegs"]
        self.assert_near(ours["all"], total, total, "in all")
        self.assert_near(ours["spurious"], kernel["TcpExtTCPDSACKRecv"], total, "spurious")
        self.assert_near(ours["due_to_us"], total - ours["spurious"], total, "due to us")
        self.assertEqual(ours["lost_before"], 0)


if __name__ == "__main__":
    harness.main("nft", "nstat", "ip")
