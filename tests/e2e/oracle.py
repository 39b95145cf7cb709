"""The log tells the truth: 200 connections of each kind through the lab, the recorded states of both endpoints against
the kernel's own.

Two passes. *Steady*: IPv4, 20 ms each way, and what is lost is lost on purpose; every history must be equal, and be the
one the kind promises, so that nothing passes by not happening. *Rough*: IPv6, delay with jitter that reorders, loss,
duplicates, damage; the kernel decides what the histories are, and each that differs must be one no packet shows:
  killed      TIME_WAIT, ended by a RST: the kernel shows neither, only a socket that is gone (kernel_states.py)
  hidden FIN  close() came first, but the FIN waited behind data that was sent again, until the peer's FIN was there;
              the first FIN on the wire acknowledges the peer's; tcp.md, pitfall 15
  silent      the kernel gave the endpoint up without a packet (retries used up, orphan limit); tcp.md, pitfall 16
The last two at most once in 200.
"""

import calendar
import collections
import socket
import time
import unittest

import chance
import harness
import kernel_states
import tcp_kinds

COUNT = 200
CLIENTS = range(10000, 10000 + 2 * COUNT * len(tcp_kinds.KINDS))
SERVERS = range(7000, 7000 + 2 * len(tcp_kinds.KINDS))

STEADY = {"delay": "20ms"}
ROUGH = {"delay": {"time": "10ms", "jitter": "5ms", "reorder": True}, "loss": "3%", "duplicate": "3%", "corrupt": "1%",
         "reorder": {"percent": "3%", "by": "3packets"}}


def seconds_of(text):
    """An RFC 3339 time with nanoseconds, as seconds since the epoch."""
    whole, fraction = text.rstrip("Z").split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + fraction)


class LabLink:
    """What the drivers ask of the link between them (tcp_kinds.Batch.link)."""

    def __init__(self, lab):
        self.lab = lab

    def wait(self, condition, what):
        self.lab.wait(what, condition)

    def arrived(self, direction):
        return self.lab.arrived(direction)

    def taken(self, direction):
        return self.lab.stats()[direction]["total"]["dropped"]["outage"]

    def settle(self):
        self.lab.wait_empty()

    def lose(self, direction, count):
        return _Outage(self, direction, count)

    def slowly_down(self, delay):
        return _Slowly(self, delay)


class _Outage:
    """On within the block, and after it until it has taken `count` packets."""

    def __init__(self, link, direction, count):
        self.link, self.direction, self.count = link, direction, count

    def __enter__(self):
        self.before = self.link.taken(self.direction)
        self.link.lab.patch({self.direction: {"outage": True}})

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.link.wait(lambda: self.link.taken(self.direction) >= self.before + self.count,
                               f"{self.count} packets lost {self.direction}")
        finally:
            self.link.lab.patch({self.direction: {"outage": False}})


class _Slowly:
    def __init__(self, link, delay):
        self.link, self.delay = link, delay

    def __enter__(self):
        self.link.lab.patch({"down": {"delay": self.delay}})

    def __exit__(self, *_):
        self.link.lab.patch({"down": {"delay": STEADY["delay"]}})


class Recorded:
    """One connection as the daemon tells it."""

    def __init__(self, lab, row):
        self.lab, self.row = lab, row
        self.transitions = lab.transitions(row["id"])

    def history(self, side):
        """The states of one endpoint. A correction takes back what it corrects. TIME_WAIT's end by the clock is not
        compared: the kernel keeps that time by itself, and so do we."""
        states = []
        for t in self.transitions:
            if t["side"] != side or (t["evidence"] == "timer" and t["from"] == "TIME_WAIT"):
                continue
            if t["evidence"] == "correction" and states:
                states.pop()
                if states and states[-1] == t["to"]:
                    continue
            states.append(t["to"])
        return states

    def broken_chain(self):
        """Where a transition does not begin in the state the one before it led to, or goes back in time."""
        last, at = {"client": "CLOSED", "server": "LISTEN"}, {"client": "", "server": ""}
        for t in self.transitions:
            if t["from"] != last[t["side"]] or t["at"] < at[t["side"]]:
                return f"{t['side']} {last[t['side']]}, then {t['from']} -> {t['to']} at {t['at']}"
            last[t["side"]], at[t["side"]] = t["to"], t["at"]
        return None

    def text(self):
        """What happened, for whoever has to find out why."""
        lines = [f"{t['at'][17:26]} {t['side']} {t['from']} > {t['to']}, {t['evidence']}, row {t['row']}"
                 for t in self.transitions]
        lines += [f"{s['sent_at'][17:26]} {s['from']} sends {s['flags']} {s['seq']} {s['ack']} +{s['length']}, "
                  f"{s['fate']}, delivered {(s['delivered_at'] or '-' * 26)[17:26]}" for s in self.segments()]
        return "\n".join("    " + line for line in sorted(lines))

    def first_fin_acknowledges_a_fin(self, side):
        """By the segments themselves, not by what the tracker made of them."""
        fins = {}
        for s in sorted(self.segments(), key=lambda s: s["sent_at"]):
            if "FIN" in s["flags"]:
                fins.setdefault(s["from"], s)
        peer = fins.get("server" if side == "client" else "client")
        return side in fins and peer is not None and (
            fins[side]["ack"] == (peer["seq"] + peer["length"] + 1) % 2**32)

    def segments(self):
        return self.lab.api.get(f"/api/v1/connections/{self.row['id']}/segments")["items"]


def explain(kernel, ours, side, recorded):
    """Why the histories differ, if no packet could have told; else None."""
    if ours[-2:] == ["TIME_WAIT", "CLOSED"] and kernel == ours[:-2] + ["CLOSED"]:
        return "killed"
    if kernel[2:3] == ["FIN_WAIT_1"] and ours[2:3] == ["CLOSE_WAIT"] and recorded.first_fin_acknowledges_a_fin(side):
        return "hidden FIN"
    if kernel[:-1] == ours and kernel[-1] == "CLOSED" and len(kernel) > 1 and kernel[-2] in (
            "SYN_SENT", "FIN_WAIT_1", "CLOSING", "LAST_ACK"):
        return "silent"
    return None


class Oracle(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.table = []
        cls.lags = collections.defaultdict(list)
        cls.kernel = cls.enterClassContext(kernel_states.KernelStates(CLIENTS, SERVERS))
        cls.lab = cls.enterClassContext(harness.Lab())

    @classmethod
    def tearDownClass(cls):
        print(f"\n{'pass':7} {'kind':22} {'equal':>5} {'total':>5}  explained")
        for where, kind, equal, total, explained in cls.table:
            print(f"{where:7} {kind:22} {equal:5} {total:5}  {dict(explained) or ''}")
        print(f"{'':7} {'all endpoints':22} {sum(r[2] for r in cls.table):5} {sum(r[3] for r in cls.table):5}")
        for evidence, lags in sorted(cls.lags.items()):
            print(f"our time minus the kernel's, evidence {evidence}: median {chance.median(lags) * 1e6:.0f} us, "
                  f"p1 {chance.quantile(lags, 0.01) * 1e6:.0f}, p99 {chance.quantile(lags, 0.99) * 1e6:.0f}")

    def test_steady(self):
        self.run_pass("steady", socket.AF_INET, STEADY, 0)

    def test_rough(self):
        self.run_pass("rough", socket.AF_INET6, ROUGH, len(tcp_kinds.KINDS))

    def run_pass(self, where, family, conditions, slot):
        self.lab.both(**conditions)
        for name, kind in tcp_kinds.KINDS.items():
            if not (where == "rough" and kind[3]):
                ports = range(CLIENTS.start + slot * COUNT, CLIENTS.start + (slot + 1) * COUNT)
                with self.subTest(kind=name, where=where):
                    self.check(where, name, kind, family, ports, SERVERS.start + slot)
            slot += 1

    def check(self, where, name, kind, family, ports, server_port):
        drive, client, server, _ = kind
        self.kernel.take()
        clock = time.time() - time.monotonic()
        batch = tcp_kinds.Batch(self.lab.near, self.lab.far, family, ports, server_port, LabLink(self.lab))
        try:
            drive(batch)
        finally:
            batch.leave()
        kept = self.settled(batch)
        events = self.kernel.take()
        rows = collections.defaultdict(list)
        for row in self.lab.api.pages(f"/api/v1/connections?port={server_port}&limit=1000"):
            rows[row["client"]["port"]].append(row)
        equal, explained, wrong = 0, collections.Counter(), []
        for port in ports:
            if len(rows[port]) != 1:
                wrong.append(f"port {port}: {len(rows[port])} connections are recorded")
                continue
            recorded = Recorded(self.lab, rows[port][0])
            if broken := recorded.broken_chain():
                wrong.append(f"port {port}: {broken}")
            for side, expected in (("client", client), ("server", server)):
                truth = self.truth(side, events, kept, port, server_port)
                verdict = self.compare(side, truth, recorded, expected if where == "steady" else None)
                self.lag(events, side, recorded, port, server_port, clock)
                if verdict is True:
                    equal += 1
                elif verdict in ("killed", "hidden FIN", "silent"):
                    explained[verdict] += 1
                else:
                    wrong.append(f"port {port} {side}: {verdict}")
        self.table.append((where, name, equal, 2 * len(ports), explained))
        if explained["hidden FIN"] + explained["silent"] > len(ports) / 100:
            wrong.append(f"too many that no packet shows: {explained}")
        if wrong:
            self.fail(f"{len(wrong)} differ:\n" + "\n".join(wrong[:10]))

    def settled(self, batch):
        """What the kernel keeps when nothing is on its way any more: a late RST may yet end a TIME_WAIT."""
        while True:
            before = [self.lab.wait_empty()[d]["total"]["packets_in"] for d in ("up", "down")]
            time.sleep(0.05)
            kept = batch.kept()
            if before == [self.lab.wait_empty()[d]["total"]["packets_in"] for d in ("up", "down")]:
                return kept

    @staticmethod
    def truth(side, events, kept, port, server_port):
        """The kernel's history of one endpoint, the known differences made good."""
        key = (port, server_port) if side == "client" else (server_port, port)
        states = kernel_states.full_history(events.get(key, []), kept[side == "server"].get(key))
        if side == "server":
            states = [s for s in states if s != "SYN_RECEIVED"]
            if states:
                states.insert(0, "SYN_RECEIVED")  # before the child socket, which comes with the third ACK
        return states

    @staticmethod
    def compare(side, truth, recorded, expected):
        ours = recorded.history(side)
        killed = expected and [*expected[:-1], "CLOSED"]  # a spurious repetition met a closed port: tcp.md, row 37
        if expected is not None and truth not in (expected, killed):
            return f"the kernel did not do what this kind is: {truth}"
        if ours == truth:
            return True
        if side == "server" and not truth and ours == ["SYN_RECEIVED"]:
            return True  # answered, never completed: the kernel made no child socket
        return explain(truth, ours, side, recorded) or f"kernel {truth}\n    ours {ours}\n{recorded.text()}"

    def lag(self, events, side, recorded, port, server_port, clock):
        """How far our time of a transition is from the kernel's. (SYN_RECEIVED is later in the kernel, CLOSED may be of
        a small socket; a FIN waits behind data that is sent again.)"""
        key = (port, server_port) if side == "client" else (server_port, port)
        kernel = {state: at for at, state in events.get(key, [])}
        for t in recorded.transitions:
            if t["side"] == side and t["to"] in kernel and t["to"] not in ("SYN_RECEIVED", "CLOSED"):
                self.lags[t["evidence"]].append(seconds_of(t["at"]) - clock - kernel[t["to"]])


if __name__ == "__main__":
    harness.main("ss")
