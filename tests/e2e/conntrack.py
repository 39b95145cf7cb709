"""A second opinion: nf_conntrack in both of the lab's namespaces, through loss, delay and duplication.

Its table near the client sees what the client sent and what was delivered to it, its table far what was delivered to
the server and what the server sent. It has one state for a pair of endpoints, and coarser ones than RFC 9293; what can be
told from it is this, and is compared for every connection:
  near SYN_SENT      the client sent a SYN                         near ESTABLISHED   it was ESTABLISHED
  near CLOSE         it sent a RST, or one was delivered to it
  far SYN_RECV       the server answered the SYN                   far ESTABLISHED    the third ACK was delivered
  far CLOSE          it sent a RST, or one was delivered to it
"""

import collections
import re
import socket
import subprocess
import time
import unittest

import harness
import tcp_kinds
from oracle import LabLink, Recorded

COUNT = 60
CLIENT_PORTS = range(30000, 60000)
CONDITIONS = {"delay": {"time": "10ms", "jitter": "2ms"}, "loss": "3%", "duplicate": "3%"}
KINDS = ["client closes first", "server closes first", "both at once", "RST by client", "RST by server"]
_RULES = ("add table inet wobble; add chain inet wobble seen { type filter hook input priority 0; }; "
          "add rule inet wobble seen ct state new,established,invalid counter")
_EVENT = re.compile(r"\] (?P<event>NEW|UPDATE|DESTROY)?.*?\btcp\s+6\s+(?:\d+\s+)?(?P<state>[A-Z_]+)?\s*src=\S+ dst=\S+ "
                    r"sport=(?P<sport>\d+) dport=(?P<dport>\d+)")


class Zone:
    """conntrack's event stream of one namespace."""

    def __init__(self, namespace):
        self.namespace = namespace

    def __enter__(self):
        self.namespace.run("nft", _RULES)
        # A RST or a SYN-ACK that it takes for out of window must not hide the state: as liberal as we are.
        self.namespace.run("sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_be_liberal=1")
        self.stream = self.namespace.popen("conntrack", "-E", "-p", "tcp", "-o", "timestamp", "-b", "8388608",
                                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return self

    def __exit__(self, *_):
        if self.stream.poll() is None:
            self.stream.terminate()
        self.stream.communicate(timeout=10)

    def take(self):
        """Ends the stream. {client port: [state, ...]} in order."""
        self.stream.terminate()
        text, _ = self.stream.communicate(timeout=10)
        states = collections.defaultdict(list)
        for line in text.splitlines():
            match = _EVENT.search(line)
            if match and match["state"]:
                port = next((int(p) for p in (match["sport"], match["dport"]) if int(p) in CLIENT_PORTS), None)
                states[port].append(match["state"])
        return states


def can_track(namespace):
    """An empty string, or why conntrack cannot be had here."""
    probe = namespace.run("nft", _RULES, check=False)
    if probe.returncode:
        return f"nftables with ct does not work here: {probe.stderr.strip()}"
    namespace.run("nft", "delete table inet wobble")
    probe = namespace.run("conntrack", "-L", check=False)
    return "" if probe.returncode == 0 else f"conntrack does not work here: {probe.stderr.strip()}"


class Conntrack(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(harness.Lab())
        if reason := can_track(self.lab.near):
            self.skipTest(reason)

    def test_both_views(self):
        self.lab.both(**CONDITIONS)
        counts = collections.Counter()
        for slot, name in enumerate(KINDS):
            with self.subTest(kind=name):
                counts.update(self.compare_kind(name, slot))
        print(f"\nconntrack's and our view agree: {dict(counts)}")
        self.assertGreater(counts["near ESTABLISHED"], 0.9 * COUNT * len(KINDS))
        self.assertGreater(counts["far CLOSE"], 0, "some RST reached the server")

    def compare_kind(self, name, slot):
        drive, *_ = tcp_kinds.KINDS[name]
        ports = range(CLIENT_PORTS.start + slot * COUNT, CLIENT_PORTS.start + (slot + 1) * COUNT)
        server_port = 7700 + slot
        batch = tcp_kinds.Batch(self.lab.near, self.lab.far, socket.AF_INET, ports, server_port, LabLink(self.lab))
        with Zone(self.lab.near) as near, Zone(self.lab.far) as far:
            time.sleep(0.1)  # the streams say nothing when they are ready; the first SYN is checked below
            try:
                drive(batch)
            finally:
                batch.leave()
            self.lab.wait_empty()
            near_states, far_states = near.take(), far.take()
        self.assertTrue(near_states, "conntrack told nothing")
        rows = self.lab.api.pages(f"/api/v1/connections?port={server_port}&limit=1000")
        self.assertEqual(COUNT, len(rows))
        counts, wrong = collections.Counter(), []
        for row in rows:
            recorded = Recorded(self.lab, row)
            port = row["client"]["port"]
            theirs = {"near": near_states[port], "far": far_states[port]}
            for what, ours in self.facts(recorded).items():
                where, state = what.split()
                if ours == (state in theirs[where]):
                    counts[what] += ours
                else:
                    wrong.append(f"port {port}: {what} is {ours} for us, conntrack's {where}: {theirs[where]}\n"
                                 f"    ours: {recorded.history('client')} / {recorded.history('server')}\n"
                                 f"{recorded.text()}")
        self.assertFalse(wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:3]))
        return counts

    @staticmethod
    def facts(recorded):
        client, server = recorded.history("client"), recorded.history("server")
        closes = recorded.row["closes"]

        def had_reset(side):
            return any(c["kind"] == "rst" and (c["side"] == side or c["delivered"]) for c in closes)
        return {"near SYN_SENT": "SYN_SENT" in client, "near ESTABLISHED": "ESTABLISHED" in client,
                "far SYN_RECV": "SYN_RECEIVED" in server, "far ESTABLISHED": "ESTABLISHED" in server,
                "near CLOSE": had_reset("client"), "far CLOSE": had_reset("server")}


if __name__ == "__main__":
    harness.main("nft", "conntrack")
