"""What lies beyond the link: losses before it, within it and behind it, reordering and duplicates before it, against the
counters of both ends' kernels.

1,000 connections for each: one side sends some 60 segments on each, and closes. What is lost is dropped by nftables behind
the link, by the link, or by a router in front of a link that is attached to the receiver (full segments only, never SYN or
FIN: of what is lost before us the first and the last of a connection could not be seen). What is reordered or duplicated
before the link is so by another link, attached to the sender. Then, within one in a hundred of all retransmissions:
  in all       as the sender's RetransSegs
  fast         as its TCPFastRetrans
  after a timer  as what is left of RetransSegs
  spurious     as the duplicates that the receiver reports (TCPDSACKOldSent, TCPDSACKOfoSent), which a sender's kernel takes
               for no kind of its own. The sender's TCPDSACKRecv would not do: a report that comes when it has closed and
               all is acknowledged finds no socket that counts it, and on a busy machine there are many
and where: due to us within, lost_behind behind, lost_before before the link. Each wider bound says why it is one.
"""

import re
import selectors
import socket
import time
import types
import unittest

import harness
import ways

CONNECTIONS = 1000
AT_ONCE = 50
SEGMENT = 1448
PAYLOAD = b"x" * (SEGMENT * 60)
UNPACED = 12  # a kernel lets the first ten segments of a connection go at once
TAIL = b"the last segment is a short one"
PORT = 7900
FULL = "tcp flags & (syn | fin) == 0 meta length > 1400"
LOST = "numgen random mod 1000 < 8 counter drop"
SHARE = 0.01
SO_MAX_PACING_RATE = 47  # asm-generic/socket.h
UNSEEN = 0.05  # of what is sent again, some is lost again: in a hundred one, and when the queue is deep some more


def counters(namespace):
    listing = namespace.run("nstat", "-asz").stdout
    return {name: int(value) for name, value, _ in map(str.split, listing.splitlines()[1:])}


def _packets(rules):
    """Of the counter in them."""
    return int(re.search(r"counter packets (\d+)", rules)[1])


class Traffic:
    """Connections of the near side to the far side, so many at a time; each is read to its end and closed. `pace`: of each at
    most so many bytes a second, so that each segment is sent in a millisecond of its own."""

    def __init__(self, lab, pace=None):
        self.lab, self.pace = lab, pace
        self.selector = selectors.EpollSelector()
        self.listener = lab.far.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((lab.far.v4, PORT))
        self.listener.listen(1024)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.left_to_send = {}
        self.by_hand = {}  # the first segments: how many more, and when the next may be sent
        self.begun = self.done = 0

    def open_more(self):
        with self.lab.near.entered():
            while self.begun < CONNECTIONS and len(self.left_to_send) < AT_ONCE:
                client = socket.socket()
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self.pace:
                    client.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, self.pace)
                    self.by_hand[client] = (UNPACED, 0)
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
            if self.by_hand:
                time.sleep(0.0005)
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
        left, most = self.left_to_send[client], None
        if client in self.by_hand:
            more, at = self.by_hand[client]
            if time.monotonic() < at:
                return
            most, self.by_hand[client] = SEGMENT, (more - 1, time.monotonic() + 0.002)
            if more == 1:
                del self.by_hand[client]
        left = left[client.send(left[:most]):] if left else left
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
        self.api, self.link, self.links = self.lab.api, "lab", ["lab"]

    def routed(self, before=None, rules=None):
        """A client, a router and a server in a row, with the link that is looked at attached to the server; `before` are the
        conditions of another one, attached to the client, and `rules` are the router's."""
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
        # What is attached is near, so what the client sends arrives here from the far side.
        daemon.create(name="beyond", attach={"target": f"netns:{server.name}"}, both={"delay": "5ms"})
        self.api, self.link, self.links = daemon.api, "beyond", ["beyond"]
        if before:
            daemon.create(name="before", attach={"target": f"netns:{client.name}"}, up=before)
            self.links.append("before")
        self.lab = types.SimpleNamespace(near=harness.Namespace(f"/run/netns/{client.name}", [near4, near6], "e0"),
                                         far=harness.Namespace(f"/run/netns/{server.name}", [far4, far6], "e0"))
        if rules:
            self.drop(router, "add table inet beyond; add chain inet beyond out { type filter hook forward priority 0; }; "
                              f"add rule inet beyond out {rules}")
            self.dropped = lambda: _packets(router.run("nft", "list", "table", "inet", "beyond").stdout)

    def drop(self, namespace, rules):
        namespace.run("nft", rules)

    def report_each(self):
        """The receiver's kernel reports every duplicate by a segment of its own. Else it may set one report over another
        that has not left yet, and counts both: when it answers several segments at once."""
        for name in ("tcp_comp_sack_nr", "tcp_backlog_ack_defer"):  # the second since Linux 6.7
            self.lab.far.run("sysctl", "-qw", f"net.ipv4.{name}=0", check=False)

    def measure(self, pace=None):
        """What the sender's kernel counted, with what the receiver's said of duplicates, and the sum of what we counted."""
        self.report_each()
        sides = (self.lab.near, self.lab.far)
        before = [counters(side) for side in sides]
        Traffic(self.lab, pace).run()
        self.settle()
        sender, receiver = ({name: value - earlier[name] for name, value in counters(side).items()}
                            for side, earlier in zip(sides, before))
        kernel = {**sender, "told twice": receiver["TcpExtTCPDSACKOldSent"] + receiver["TcpExtTCPDSACKOfoSent"]}
        if overruns := sum(self.overruns(link) for link in self.links):
            self.skipTest(f"this machine was too busy: {overruns} packets were lost before a link could read them")
        if lost := self.api.get("/api/v1/events?kind=events_lost")["items"]:
            self.skipTest(f"this machine was too busy: {lost[0]['text']}")
        ours, connections = {}, 0
        for connection in self.api.pages(f"/api/v1/connections?link={self.link}&port={PORT}&limit=1000"):
            connections += 1
            client = connection["client"]
            for name, value in {**client["retransmitted"], "all": client["retransmissions"],
                                "out_of_order": client["out_of_order"], "syn": connection["syn_retries"]}.items():
                ours[name] = ours.get(name, 0) + value
        self.assertEqual(connections, CONNECTIONS)
        interesting = {name.removeprefix("TcpExt"): kernel[name] for name in (
            "TcpRetransSegs", "TcpExtTCPFastRetrans", "TcpExtTCPSlowStartRetrans", "TcpExtTCPSynRetrans",
            "TcpExtTCPLossProbes", "TcpExtTCPTimeouts", "TcpExtTCPLostRetransmit", "TcpExtTCPSACKReorder",
            "TcpExtTCPDSACKRecv", "told twice")}
        print(f"\n{self._testMethodName}: {interesting}\n  ours: {ours}")
        self.assertLessEqual(kernel["TcpExtTCPDSACKRecv"], kernel["told twice"], "more heard than said")
        return kernel, ours

    def settle(self):
        """Until both kernels have nothing left to send: what remains are sockets in TIME_WAIT."""
        def is_quiet():
            states = ("state", "connected", "exclude", "time-wait", "exclude", "fin-wait-2")
            return not any(side.run("ss", "-Htn", *states, f"( sport = :{PORT} or dport = :{PORT} )").stdout.strip()
                           for side in (self.lab.near, self.lab.far))
        ways.wait("all connections to end", is_quiet, 60)
        for link in self.links:
            ways.wait("what is on its way to arrive", lambda link=link: not any(
                half["in_flight"]["packets"] for half in self.halves(link)))

    def overruns(self, link):
        """Packets that were meant for the link and that the kernel has dropped: neither the link nor an end knows them."""
        return self.api.get(f"/api/v1/links/{link}")["way_in"].get("packets", {}).get("overruns", 0)

    def halves(self, link):
        stats = self.api.get(f"/api/v1/links/{link}/stats")
        return stats["up"], stats["down"]

    def assert_near(self, ours, kernels, total, what):
        self.assertLessEqual(abs(ours - kernels), max(SHARE * total, 3), f"{what}: ours {ours}, the kernel's {kernels}")

    def assert_between(self, ours, low, high, total, what):
        room = max(SHARE * total, 3)
        self.assertTrue(low - room <= ours <= high + room, f"{what}: ours {ours}, the kernel's {low} to {high}")

    def assert_spurious(self, kernel, ours, total):
        """No receiver reports a SYN that came twice. When a machine is busy for a second, some are sent again for nothing."""
        twice = kernel["told twice"]
        self.assert_between(ours["spurious"], twice, twice + kernel["TcpExtTCPSynRetrans"], total, "spurious")

    def assert_kinds(self, kernel, ours, unseen=0, share=SHARE):
        total = kernel["TcpRetransSegs"]
        self.assertGreater(total, 100, "or nothing was compared")
        fast = kernel["TcpExtTCPFastRetrans"]
        self.assert_near(ours["all"], total - unseen, total, "in all")
        self.assert_spurious(kernel, ours, total)
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
        self.routed(rules=f"{FULL} tcp dport {PORT} {LOST}")
        kernel, ours = self.measure()
        # A retransmission that is lost before us as well is seen by nobody but its sender.
        unseen = kernel["TcpRetransSegs"] - ours["all"]
        # How many the router's count tells, below; here only that most are seen, also on a busy machine.
        self.assertLessEqual(unseen, 3 * UNSEEN * kernel["TcpRetransSegs"])
        self.assertGreaterEqual(unseen, 0)
        # What asked for it was sometimes lost with it: then it is taken for a timer's.
        self.assert_kinds(kernel, ours, unseen, share=0.04)
        self.assertEqual(ours["due_to_us"], 0)
        self.assert_near(ours["lost_before"], ours["all"] - ours["spurious"], ours["all"], "lost before")
        self.assert_near(ours["lost_before"] + unseen, self.dropped(), self.dropped(), "as the router has dropped")

    def test_losses_within(self):
        self.lab.put(up={"delay": "5ms", "loss": "0.8%"}, down={"delay": "5ms"})
        kernel, ours = self.measure()
        total = kernel["TcpRetransSegs"]
        self.assertGreater(total, 100, "or nothing was compared")
        self.assert_near(ours["all"], total, total, "in all")
        self.assert_spurious(kernel, ours, total)
        self.assert_near(ours["due_to_us"], total - ours["spurious"], total, "due to us")
        self.assertEqual(ours["lost_before"], 0)

    def test_reordered_before(self):
        """Segments that are moved back by more than a sender waits for (a quarter of the round trip, RACK): it sends again
        what is on its way. All of that is spurious, and what was overtaken is neither lost nor a repetition: its timestamp, in
        milliseconds, says so, however late a busy machine lets it come, as no two segments are sent in the same one."""
        self.routed(before={"delay": "2ms", "reorder": {"percent": "4%", "by": "8ms"}})
        kernel, ours = self.measure(pace=1_000_000)
        total = kernel["TcpRetransSegs"]
        self.assertGreater(total, 100, "or nothing was compared")
        self.assertGreater(kernel["TcpExtTCPSACKReorder"], 300)
        self.assert_near(ours["all"], total, total, "in all")
        self.assert_spurious(kernel, ours, total)
        # A SYN that is sent again before the first is answered is not spurious: it might be needed.
        syns = kernel["TcpExtTCPSynRetrans"]
        self.assert_between(ours["spurious"], total - syns, total, total, "all for nothing")
        for name in ("timeout", "lost_behind"):
            self.assert_between(ours[name], 0, syns, total, name)
        for name in ("fast", "lost_before", "due_to_us"):
            self.assert_near(ours[name], 0, total, name)
        moved = self.halves("before")[0]["total"]["reordered"]
        self.assertGreater(ours["out_of_order"], 300)
        self.assertLessEqual(ours["out_of_order"], moved)

    def test_duplicated_before(self):
        """Copies look like repetitions, since nothing tells them apart; D-SACK then says that they were for nothing. What is
        lost as well is sent again, and stays what it is."""
        self.routed(before={"delay": "2ms", "duplicate": "1%"}, rules=f"{FULL} tcp dport {PORT} {LOST}")
        kernel, ours = self.measure()
        sent_again, twice = kernel["TcpRetransSegs"], kernel["told twice"]
        self.assertGreater(sent_again, 300, "or nothing was compared")
        self.assertGreater(twice, 300)
        total = sent_again + twice
        self.assert_spurious(kernel, ours, total)
        needed = ours["fast"] + ours["timeout"]  # with the copies of SYNs
        self.assertLessEqual(needed, sent_again + ours["syn"] + SHARE * total)
        self.assert_between(ours["lost_before"], needed - ours["syn"], needed, total, "lost before")
        # Of two copies one may live, and what is lost once more is seen by nobody but its sender.
        lost = self.dropped()
        self.assertLessEqual(abs(ours["lost_before"] - lost), UNSEEN * lost, f"the router has dropped {lost}")
        self.assert_between(ours["lost_behind"], 0, ours["syn"], total, "lost behind")
        self.assertEqual(ours["due_to_us"], 0)

    def test_duplicated_within(self):
        """A copy of ours is no repetition."""
        self.lab.put(up={"delay": "5ms", "loss": "0.8%", "duplicate": "1%"}, down={"delay": "5ms"})
        kernel, ours = self.measure()
        total = kernel["TcpRetransSegs"]
        self.assertGreater(total, 100, "or nothing was compared")
        self.assertGreater(kernel["told twice"], 300)
        self.assert_near(ours["all"], total, total, "in all")
        self.assert_near(ours["due_to_us"], total - ours["spurious"], total, "due to us")
        # Of what the receiver reports most are our copies.
        self.assertLessEqual(ours["spurious"], kernel["told twice"] + kernel["TcpExtTCPSynRetrans"])


if __name__ == "__main__":
    harness.main("nft", "nstat", "ip")
