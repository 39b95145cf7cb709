"""The log tells the truth: connections of every kind, common and rare, through the lab, the recorded states of both
endpoints against the kernel's own.

Two passes. *Steady*: IPv4, 20 ms each way, and what is lost is lost on purpose; every history must be equal, and be the
one the kind promises, so that nothing passes by not happening. *Rough*: IPv6, delay with jitter that reorders, loss,
duplicates, damage; more than 1,000 connections of which the kernel decides what the histories are. In 99.5 % of them
both must be equal, and each that differs must be one no packet shows:
  hidden FIN  close() came first, but the FIN waited behind data that was sent again, until the peer's FIN was there;
              the first FIN on the wire acknowledges the peer's
  silent      the kernel gave the endpoint up without a packet (retries used up, orphan limit)

WOBBLE_ORACLE=N: N connections of each kind in each pass (at most 500) instead of 12 and 48.
"""

import collections
import os
import socket
import threading
import time
import unittest

import chance
import harness
import kernel_states
import tcp_kinds
import tcp_rare
from lab_link import LabLink
from recorded import Recorded, seconds_of

STEADY_COUNT = int(os.environ.get("WOBBLE_ORACLE", "12"))
ROUGH_COUNT = int(os.environ.get("WOBBLE_ORACLE", "48"))
SLOT = max(STEADY_COUNT, ROUGH_COUNT)
KINDS = tcp_kinds.KINDS | tcp_rare.KINDS
CLIENTS = range(10000, 10000 + 2 * SLOT * len(KINDS))
SERVERS = range(7000, 7000 + 2 * len(KINDS))
ENOUGH = 0.995

STEADY = {"delay": "20ms"}
ROUGH = {"delay": {"time": "10ms", "jitter": "5ms", "reorder": True}, "loss": "3%", "duplicate": "3%", "corrupt": "1%",
         "reorder": {"percent": "3%", "by": "3packets"}}


def explain(kernel, ours, side, recorded):
    """Why the histories differ, if no packet could have told; else None."""
    if kernel[2:3] == ["FIN_WAIT_1"] and ours[2:3] == ["CLOSE_WAIT"] and recorded.first_fin_acknowledges_a_fin(side):
        return "hidden FIN"
    if kernel[:-1] == ours and kernel[-1] == "CLOSED" and len(kernel) > 1 and kernel[-2] in (
            "SYN_SENT", "FIN_WAIT_1", "CLOSING", "LAST_ACK"):
        return "silent"
    return None


class Run:
    """One kind's batch of one pass."""

    def __init__(self, where, name, family, ports, server_port):
        self.where, self.name, self.family, self.ports, self.server_port = where, name, family, ports, server_port
        self.drive, self.client, self.server, self.alone = KINDS[name]
        self.lives = 1
        self.lab = self.kept = self.error = None
        self.seconds = 0.0


class Oracle(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.table = []
        cls.lags = collections.defaultdict(list)
        cls.kernel = cls.enterClassContext(kernel_states.KernelStates(CLIENTS, SERVERS))
        cls.events, cls.lock = collections.defaultdict(list), threading.Lock()
        cls.clock = time.time() - time.monotonic()

    def lab(self):
        lab = self.enterContext(harness.Lab("--flood-rate", "0"))  # thousands at once, and each is to be told
        kernel_states.no_small_fin_wait_2(lab.near, lab.far)
        return lab

    @classmethod
    def tearDownClass(cls):
        print(f"\n{'pass':7} {'kind':22} {'equal':>5} {'total':>5} {'seconds':>7}  explained (connections)")
        for run, equal, explained in cls.table:
            print(f"{run.where:7} {run.name:22} {equal:5} {len(run.ports):5} {run.seconds:7.1f}  "
                  f"{dict(explained) or ''}")
        print(f"{'':7} {'all':22} {sum(r[1] for r in cls.table):5} {sum(len(r[0].ports) for r in cls.table):5}")
        for evidence, lags in sorted(cls.lags.items()):
            print(f"our time minus the kernel's, evidence {evidence}: median {chance.median(lags) * 1e6:.0f} us, "
                  f"p1 {chance.quantile(lags, 0.01) * 1e6:.0f}, p99 {chance.quantile(lags, 0.99) * 1e6:.0f}")

    def test_steady(self):
        lab = self.lab()
        lab.both(**STEADY)
        for run in self.runs("steady", socket.AF_INET, STEADY_COUNT, 0):
            with self.subTest(kind=run.name, where="steady"):
                self.carry_out([run], LabLink(lab, STEADY))
                self.check(run)

    def test_rough(self):
        """Four labs at once: in the first all kinds that can share a link, in the others one after the other."""
        runs = self.runs("rough", socket.AF_INET6, ROUGH_COUNT, len(KINDS))
        alone = [[run] for run in runs if run.alone]
        threads = []
        for groups in [[[run for run in runs if not run.alone]]] + [alone[n::3] for n in range(3)]:
            lab = self.lab()
            lab.both(**ROUGH)
            threads.append(threading.Thread(target=self.carry_all_out, args=(groups, LabLink(lab, ROUGH)), daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join()
        for run in runs:
            with self.subTest(kind=run.name, where="rough"):
                self.check(run)
        total = sum(len(run.ports) for run in runs)
        equal = sum(equal for run, equal, _ in self.table if run.where == "rough")
        self.assertGreaterEqual(total, min(1000, len(KINDS) * ROUGH_COUNT))
        self.assertGreaterEqual(equal, ENOUGH * total, f"{equal} of {total} connections are equal on both sides")

    def runs(self, where, family, count, first_slot):
        return [Run(where, name, family, range(CLIENTS.start + slot * SLOT, CLIENTS.start + slot * SLOT + count),
                    SERVERS.start + slot) for slot, name in enumerate(KINDS, first_slot)]

    def carry_all_out(self, groups, link):
        for runs in groups:
            self.carry_out(runs, link)

    def carry_out(self, runs, link):
        """All at once, until nothing of them is on its way and the kernel keeps nothing but TIME_WAIT."""
        threads = [threading.Thread(target=self.drive, args=(run, link), daemon=True) for run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kept = self.settled(link.lab)
        for run in runs:
            run.lab, run.kept = link.lab, kept
        self.collect()

    def drive(self, run, link):
        batch = tcp_kinds.Batch(link.lab.near, link.lab.far, run.family, run.ports, run.server_port, link)
        batch.on_new_life = lambda batch: self.forget(run)
        began = time.monotonic()
        try:
            try:
                run.drive(batch)
            finally:
                batch.leave()
        except Exception as error:  # told by check()
            run.error = error
        run.lives, run.seconds = batch.lives, time.monotonic() - began

    def collect(self):
        with self.lock:
            for key, events in self.kernel.take().items():
                self.events[key] += events

    def forget(self, run):
        """What the kernel told of a batch's connections so far is of an earlier life."""
        self.collect()
        with self.lock:
            for port in run.ports:
                self.events.pop((port, run.server_port), None)
                self.events.pop((run.server_port, port), None)

    @staticmethod
    def settled(lab):
        """What the kernel keeps when nothing is on its way any more: a late RST may yet end a TIME_WAIT."""
        while True:
            before = [lab.wait_empty()[d]["total"]["packets_in"] for d in ("up", "down")]
            time.sleep(0.05)
            kept = [kernel_states.small_sockets(side) for side in (lab.near, lab.far)]
            if before == [lab.wait_empty()[d]["total"]["packets_in"] for d in ("up", "down")]:
                return kept

    def check(self, run):
        if run.error:
            raise run.error
        rows = collections.defaultdict(list)
        for row in run.lab.api.pages(f"/api/v1/connections?port={run.server_port}&limit=1000"):
            is_swapped = row["client"]["port"] == run.server_port
            rows[row["server" if is_swapped else "client"]["port"]].append((row, is_swapped))
        equal, explained, wrong = 0, collections.Counter(), []
        for port in run.ports:
            if len(rows[port]) != run.lives:
                wrong.append(f"port {port}: {len(rows[port])} connections are recorded, not {run.lives}")
                continue
            recorded = Recorded(run.lab, *rows[port][0])
            if broken := recorded.broken_chain():
                wrong.append(f"port {port}: {broken}")
            proof = tcp_rare.PROOFS.get(run.name)
            if run.where == "steady" and proof and not proof(recorded.row):
                wrong.append(f"port {port}: what makes it rare has not happened\n{recorded.row}")
            verdicts = [self.compare(run, side, port, recorded) for side in ("client", "server")]
            equal += verdicts == [True, True]
            for side, verdict in zip(("client", "server"), verdicts):
                self.lag(side, recorded, port, run.server_port)
                if verdict in ("hidden FIN", "silent"):
                    explained[verdict] += 1
                elif verdict is not True:
                    wrong.append(f"port {port} {side}: {verdict}")
        self.table.append((run, equal, explained))
        if wrong:
            self.fail(f"{len(wrong)} differ:\n" + "\n".join(wrong[:10]))

    def truth(self, run, side, port):
        """The kernel's history of one endpoint, the known differences made good."""
        key = (port, run.server_port) if side == "client" else (run.server_port, port)
        states = kernel_states.full_history(self.events.get(key, []), run.kept[side == "server"].get(key))
        if side == "server" and "SYN_SENT" not in states:  # with it, the socket is no listener's child
            states = [s for s in states if s != "SYN_RECEIVED"]
            if states:
                states.insert(0, "SYN_RECEIVED")  # before the child socket, which comes with the third ACK
        return states

    def compare(self, run, side, port, recorded):
        truth, ours = self.truth(run, side, port), recorded.history(side)
        expected = run.client if side == "client" else run.server
        killed = [*expected, "CLOSED"]  # a spurious repetition met a closed port: time_wait_assassinated
        if run.where == "steady" and truth not in (expected, killed):
            return f"the kernel did not do what this kind is: {truth}\n{recorded.text()}"
        if ours == truth:
            return True
        if side == "server" and not truth and ours == ["SYN_RECEIVED"]:
            return True  # answered, never completed: the kernel made no child socket
        return explain(truth, ours, side, recorded) or f"kernel {truth}\n    ours {ours}\n{recorded.text()}"

    def lag(self, side, recorded, port, server_port):
        """How far our time of a transition is from the kernel's. (SYN_RECEIVED is later in the kernel, CLOSED may be of
        a small socket; a FIN waits behind data that is sent again.)"""
        key = (port, server_port) if side == "client" else (server_port, port)
        kernel = {state: at for at, state in self.events.get(key, [])}
        for t in recorded.transitions:
            if t["side"] == side and t["to"] in kernel and t["to"] not in ("SYN_RECEIVED", "CLOSED"):
                self.lags[t["evidence"]].append(seconds_of(t["at"]) - self.clock - kernel[t["to"]])


if __name__ == "__main__":
    harness.main("ss", "nft")
