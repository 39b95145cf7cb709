"""A second opinion: nf_conntrack on both sides of the link, through loss, delay and duplication.

The one near the client sees what the client sent and what was delivered to it: our *sent* view of the client, our
*delivered* view of the server. The one far sees what was delivered to the server, and what the server sent. It has one
state for a pair of endpoints, and coarser ones than RFC 9293. What can be told from it is compared for each connection,
in both directions (it was in that state if and only if we say so):
  SYN_SENT     a SYN passed that side
  SYN_RECV     near: the client answered a SYN-ACK; far: the server sent one
  ESTABLISHED  the third ACK passed: near the client was ESTABLISHED, far the server, or it closed without ever being
  FIN_WAIT     near: the client sent a FIN, or acknowledged one; far the same of the server
  CLOSE        a RST passed
and in these, if no FIN passed twice there (it takes a repeated FIN for the other side's):
  LAST_ACK     both FINs passed
  TIME_WAIT    and the ACK of the second
"""

import collections
import os
import re
import socket
import subprocess
import threading
import unittest

import harness
import tcp_kinds
from lab_link import LabLink
from recorded import Recorded

COUNT = 60
CLIENT_PORTS = range(30000, 60000)
SERVER_PORTS = range(7700, 7800)
CONDITIONS = {"delay": {"time": "10ms", "jitter": "2ms"}, "loss": "3%", "duplicate": "3%"}
KINDS = ["client closes first", "server closes first", "both at once", "RST by client", "RST by server", "refused",
         "half-close with data"]
_RULES = ("add table inet wobble; add chain inet wobble seen { type filter hook input priority 0; }; "
          "add rule inet wobble seen ct state new,established,invalid counter")
_SENTINEL = "192.0.2.1"  # RFC 5737: in nobody's traffic
_EVENT = re.compile(r"\btcp\s+6\s+(?:\d+\s+)?(?P<state>[A-Z_0-9]+)\s+src=\S+ dst=\S+ "
                    r"sport=(?P<sport>\d+) dport=(?P<dport>\d+)")
_FINS = {"FIN_WAIT_1", "LAST_ACK"}


class Zone:
    """conntrack's events in one namespace, while it is entered."""

    def __init__(self, lab, namespace):
        self.lab, self.namespace = lab, namespace
        self.states = collections.defaultdict(list)  # client port: its states in order
        self.marks = 0  # entries of our own that it has told

    def __enter__(self):
        self.namespace.run("nft", _RULES)
        # A RST or a SYN-ACK that it takes for out of window must not hide the state: as liberal as we are.
        self.namespace.run("sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_be_liberal=1")
        self.stream = self.namespace.popen("conntrack", "-E", "-p", "tcp", "-b", "8388608", stdout=subprocess.PIPE,
                                           stderr=subprocess.DEVNULL, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.lab.wait("conntrack to listen", self._is_listening)
        self._mark()  # it reads, so its buffer has the size asked for
        return self

    def __exit__(self, *_):
        self.stream.terminate()
        self.stream.wait(10)
        self.reader.join(10)
        self.stream.stdout.close()

    def _is_listening(self):
        """Its netlink socket (of netfilter: 12) is in a group."""
        with open(f"/proc/{self.stream.pid}/net/netlink", encoding="ascii") as file:
            return any(words[1] == "12" and int(words[3], 16) for words in map(str.split, file.readlines()[1:]))

    def _read(self):
        for line in self.stream.stdout:
            if _SENTINEL in line:
                self.marks += 1
            elif match := _EVENT.search(line):
                ports = int(match["sport"]), int(match["dport"])
                if port := next((p for p in ports if p in CLIENT_PORTS), None):
                    self.states[port].append(match["state"])

    def take(self):
        """{client port: [state, ...]} of all that has happened so far."""
        self._mark()
        return self.states

    def _mark(self):
        """Makes an entry of our own, and returns when it is told, and so all before it."""
        before = self.marks
        self.namespace.run("conntrack", "-I", "-p", "tcp", "-s", _SENTINEL, "-d", "192.0.2.2", "--sport",
                           str(1 + before), "--dport", "2", "--state", "SYN_SENT", "-t", "60")
        self.lab.wait("conntrack's event of an entry of ours", lambda: self.marks > before)


def why_not(namespace):
    """Why conntrack cannot be had here; an empty string if it can."""
    probe = namespace.run("nft", _RULES, check=False)
    if probe.returncode:
        return f"nftables with ct does not work here: {probe.stderr.strip()}"
    namespace.run("nft", "delete table inet wobble")
    probe = namespace.run("conntrack", "-L", check=False)
    if probe.returncode:
        return f"conntrack does not work here: {probe.stderr.strip()}"
    with namespace.entered():
        if not os.path.exists("/proc/sys/net/netfilter/nf_conntrack_events"):
            return "this kernel's conntrack has no events"
    return ""


def passed(recorded, where):
    """[(who sent it, its flags), ...] of the segments that passed one side of the link, in no order."""
    local = "client" if where == "near" else "server"
    return [(s["from"], s["flags"]) for s in recorded.segments()
            if (s["copy"] == 0 if s["from"] == local else s["delivered_at"])]


def facts(recorded, where):
    """{conntrack's state: whether it must have been in it; None: it cannot tell}."""
    segments = passed(recorded, where)
    mine = recorded.history("client" if where == "near" else "server")
    fins = collections.Counter(side for side, flags in segments if "FIN" in flags)
    was_open = {"ESTABLISHED", *_FINS} & set(mine)
    told = {
        "SYN_SENT": any("SYN" in flags and "ACK" not in flags for _, flags in segments),
        "SYN_RECV": "ESTABLISHED" in mine if where == "near" else "SYN_RECEIVED" in mine,
        "ESTABLISHED": bool(was_open),
        "FIN_WAIT": bool(was_open) and bool({*_FINS, "CLOSE_WAIT"} & set(mine)),
        "CLOSE": any("RST" in flags for _, flags in segments),
    }
    if max(fins.values(), default=0) <= 1:
        both = bool({"LAST_ACK", "CLOSING", "TIME_WAIT"} & set(mine))
        told["LAST_ACK"] = both
        told["TIME_WAIT"] = bool({"CLOSING", "TIME_WAIT"} & set(mine)) or mine[-2:] == ["LAST_ACK", "CLOSED"]
    return told


class Conntrack(unittest.TestCase):
    def test_both_views(self):
        lab = self.enterContext(harness.Lab())
        if reason := why_not(lab.near):
            self.skipTest(reason)
        lab.both(**CONDITIONS)
        with Zone(lab, lab.near) as near, Zone(lab, lab.far) as far:
            for name, first, server_port in self.slots():
                ports = range(first, first + COUNT)
                batch = tcp_kinds.Batch(lab.near, lab.far, socket.AF_INET, ports, server_port, LabLink(lab, CONDITIONS))
                try:
                    tcp_kinds.KINDS[name][0](batch)
                finally:
                    batch.leave()
            lab.wait_empty()
            theirs = {"near": near.take(), "far": far.take()}
        agreed = collections.Counter()
        for name, _, server_port in self.slots():
            with self.subTest(kind=name):
                agreed.update(self.compare(lab, server_port, theirs))
        print("\nconntrack's and our view agree, connections that were in the state, and were not:")
        for (where, state, was), count in sorted(agreed.items()):
            print(f"  {where:4} {state:12} {'yes' if was else 'no':3} {count}")
        for where in ("near", "far"):
            self.assertGreater(agreed[where, "ESTABLISHED", True], 0.9 * COUNT * (len(KINDS) - 1))
            for state in ("SYN_SENT", "SYN_RECV", "FIN_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE"):
                self.assertGreater(agreed[where, state, True], COUNT / 2, f"{where} {state}")
            self.assertGreater(agreed[where, "CLOSE", False], COUNT)

    @staticmethod
    def slots():
        return [(name, CLIENT_PORTS.start + n * COUNT, SERVER_PORTS.start + n) for n, name in enumerate(KINDS)]

    def compare(self, lab, server_port, theirs):
        rows = lab.api.pages(f"/api/v1/connections?port={server_port}&limit=1000")
        self.assertEqual(COUNT, len(rows))
        agreed, wrong = collections.Counter(), []
        for row in rows:
            recorded = Recorded(lab, row)
            port = row["client"]["port"]
            for where, seen in theirs.items():
                for state, was in facts(recorded, where).items():
                    if was == (state in seen[port]):
                        agreed[where, state, was] += 1
                        continue
                    wrong.append(f"port {port}: {where} {state} is {was} for us, conntrack's states: {seen[port]}\n"
                                 f"    ours: {recorded.history('client')} / {recorded.history('server')}\n"
                                 f"{recorded.text()}")
        self.assertFalse(wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:3]))
        return agreed


if __name__ == "__main__":
    harness.main("nft", "conntrack", "sysctl")
