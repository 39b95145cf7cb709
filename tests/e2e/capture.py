"""A capture of the link, analysed offline, tells what the log told live: every transition, to the row, the segment and
the nanosecond. Connections of several kinds, through delay, loss, duplicates, reordering and damage, the link's own and
that of others."""

import json
import os
import signal
import socket
import subprocess
import unittest

import damage
import harness
import lab_link
import oracle
import recorded
import tcp_kinds

COUNT = 25
WOBBLE = os.path.join(harness.BUILD, "wobble")
ROUGH = dict(oracle.ROUGH, loss="5%", duplicate="5%", corrupt="2%")


class Capture:
    """`wobble capture` under way; stop() ends it as Ctrl-C does, and returns what it said."""

    def __init__(self, lab, name, *options):
        self.file = os.path.join(lab.directory, name)
        self.process = subprocess.Popen([WOBBLE, "--url", lab.url, "capture", "lab", "-o", self.file, *options],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lab.wait("the capture to begin", lambda: os.path.exists(self.file) and os.path.getsize(self.file) > 0)

    def wait(self, seconds=15):
        out, err = self.process.communicate(timeout=seconds)
        if self.process.returncode != 0:
            raise AssertionError(f"wobble capture: {self.process.returncode} {err}")
        return out

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def analysed(file):
    """By the two ports."""
    run = subprocess.run([WOBBLE, "--json", "analyze", file], capture_output=True, text=True, timeout=60)
    if run.returncode != 0:
        raise AssertionError(f"wobble analyze: {run.returncode} {run.stderr}")
    return json.loads(run.stdout)


def ports(connection):
    return connection["client"]["port"], connection["server"]["port"]


def told(transitions):
    """What two logs must agree on: everything but the numbers each counts by itself. TIME_WAIT's end by the clock is
    not in a capture that ends before."""
    own = ("id", "connection")
    return [{k: v for k, v in t.items() if k not in own} for t in transitions if t["evidence"] != "timer"]


def state_before_timers(row, transitions, side):
    """What the row shows, but without what only the clock did to that side."""
    state = row[side]["state"]
    for transition in reversed([t for t in transitions if t["side"] == side]):
        if transition["evidence"] != "timer":
            break
        state = transition["from"]
    return state


class CaptureTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(harness.Lab("--seed", "5"))
        cls.port = 20000

    def drive(self, drive, family, server_port):
        first = CaptureTest.port
        CaptureTest.port += COUNT
        batch = tcp_kinds.Batch(self.lab.near, self.lab.far, family, range(first, first + COUNT), server_port,
                                lab_link.LabLink(self.lab, oracle.STEADY))
        try:
            drive(batch)
        finally:
            batch.leave()

    def compare(self, file, server_ports):
        offline = {ports(c): c for c in analysed(file)["connections"] if c["server"]["port"] in server_ports}
        live = {}
        for port in server_ports:
            for row in self.lab.api.pages(f"/api/v1/connections?port={port}&limit=1000"):
                self.assertNotIn(ports(row), live, "a port was used twice")
                live[ports(row)] = row
        self.assertEqual(sorted(live), sorted(offline))
        transitions, differ = 0, []
        for key, row in live.items():
            lived = self.lab.transitions(row["id"])
            ours, theirs = told(lived), told(offline[key]["transitions"])
            transitions += len(ours)
            if ours != theirs:
                differ.append(f"{key}:\n live    " + "\n         ".join(map(str, ours)) +
                              "\n offline " + "\n         ".join(map(str, theirs)))
            differ += self.different_figures(key, row, lived, offline[key])
        self.assertEqual([], differ[:3], f"{len(differ)} of {len(live)} differ")
        print(f"{len(live)} connections, {transitions} transitions equal")
        return transitions

    def different_figures(self, key, row, lived, offline):
        differ = []

        def compare(what, ours, theirs):
            if ours != theirs:
                differ.append(f"{key} {what}: live {ours}, offline {theirs}")

        for side in ("client", "server"):
            compare(f"{side} state", state_before_timers(row, lived, side),
                    state_before_timers(offline, offline["transitions"], side))
            if row["end"] == "open":
                continue
            for figure in ("side", "packets_sent", "packets_delivered", "retransmissions", "retransmissions_by_us",
                           "dropped", "duplicated", "corrupted", "reordered"):
                compare(f"{side} {figure}", row[side][figure], offline[side][figure])
        for figure in ("bad_checksum", "end", "closed_by", "conn_state", "history", "syn", "syn_ack", "closes"):
            if row["end"] != "open":
                compare(figure, row[figure], offline[figure])
        return differ

    def run_kinds(self, name, family, kinds, first_port):
        server_ports = range(first_port, first_port + len(kinds))
        with Capture(self.lab, name) as capture:
            for port, kind in zip(server_ports, kinds):
                self.drive(tcp_kinds.KINDS[kind][0], family, port)
            self.lab.wait_empty()
            said = capture.stop()
        print(said.strip())
        self.assertGreater(self.compare(capture.file, server_ports), COUNT * len(kinds))
        with open(capture.file, "rb") as file:
            return file.read()

    def test_losses_on_purpose(self):
        self.lab.both(**oracle.STEADY)
        kinds = ["client closes first", "both at once", "SYN lost", "third ACK lost", "last ACK lost", "refused"]
        content = self.run_kinds("steady.pcapng", socket.AF_INET, kinds, 7100)
        self.assertIn(b"dropped; copy 0 dropped (outage)", content)
        self.assertIn(b"delayed; copy 0 leaves after 20.000000 ms", content)

    def test_rough(self):
        self.lab.both(**ROUGH)
        kinds = ["client closes first", "server closes first", "half-close with data", "RST by client", "RST by server"]
        content = self.run_kinds("rough.pcapng", socket.AF_INET6, kinds, 7200)
        for word in (b"dropped (loss)", b"duplicated", b"corrupted", b"reordered"):
            self.assertIn(word, content)

    def test_damaged_before(self):
        """Beside all that either side sends come segments with wrong checksums that would end, restart or feed each
        connection. They are counted and pass as they are, so that the kernel at the other end counts them too; no state
        moves by them, live or offline."""
        self.lab.both(**oracle.STEADY)
        kinds = ["client closes first", "half-close with data", "RST by client"]
        server_ports = range(7150, 7150 + len(kinds))
        sides, sent = (self.lab.near, self.lab.far), [0, 0]
        before = [self.counted(side) for side in sides]
        with Capture(self.lab, "damaged.pcapng") as capture:
            for port, kind in zip(server_ports, kinds):
                with damage.Damager(sides[0], port) as near, damage.Damager(sides[1], port) as far:
                    self.drive(tcp_kinds.KINDS[kind][0], socket.AF_INET, port)
                    # These belong to no connection.
                    ends = [socket.inet_aton(side.v4) for side in sides]
                    for number in range(5):
                        near.send(*ends, (9, port), number, 0, damage.SYN)
                    sent = [sent[0] + near.stop(), sent[1] + far.stop()]
            self.lab.wait_empty()
            capture.stop()
        print(f"damaged: {sent[0]} up, {sent[1]} down")
        (near_kernel, up), (far_kernel, down) = ([now - was for now, was in zip(self.counted(side), earlier)]
                                                 for side, earlier in zip(sides, before))
        self.assertEqual(sent, [up, down], "by the link")
        self.assertEqual(sent, [far_kernel, near_kernel], "by the receiver's kernel")
        self.assertEqual(sum(sent), analysed(capture.file)["counts"]["bad_checksums"])
        self.compare(capture.file, server_ports)
        for port, kind in zip(server_ports, kinds):
            for row in self.lab.api.pages(f"/api/v1/connections?port={port}&limit=1000"):
                self.assertGreater(row["bad_checksum"], 20, row)
                found = recorded.Recorded(self.lab, row)
                self.assertEqual(list(tcp_kinds.KINDS[kind][1:3]), [found.history("client"), found.history("server")])

    def counted(self, side):
        """Segments with a wrong checksum: by the kernel of a side, which receives them; by the link, which reads them there."""
        listing = side.run("nstat", "-asz", "TcpInCsumErrors").stdout.split()
        direction = "up" if side is self.lab.near else "down"
        return int(listing[listing.index("TcpInCsumErrors") + 1]), self.lab.stats()[direction]["total"]["bad_checksum"]

    def test_fragments(self):
        """TCP segments that the link cuts, and datagrams that their senders do: packets of their connection and their
        flow, and segments for the tracker, live and offline."""
        for namespace in (self.lab.near, self.lab.far):
            namespace.run("sysctl", "-qw", "net.ipv4.ip_no_pmtu_disc=1")
            self.addCleanup(namespace.run, "sysctl", "-qw", "net.ipv4.ip_no_pmtu_disc=0")
        self.lab.both(**ROUGH, mtu="600B")
        near, far = (self.enterContext(namespace.socket(kind=socket.SOCK_DGRAM))
                     for namespace in (self.lab.near, self.lab.far))
        far.bind((self.lab.far.v4, 7399))
        near.connect(far.getsockname())
        with Capture(self.lab, "fragments.pcapng") as capture:
            self.drive(tcp_kinds.KINDS["half-close with data"][0], socket.AF_INET, 7300)
            for _ in range(20):
                near.send(bytes(4000))
            self.lab.near.run("ping", "-c", "5", "-i", "0.05", "-s", "4000", self.lab.far.v4, check=False)
            self.lab.wait_empty()
            capture.stop()
        self.assertGreater(self.compare(capture.file, range(7300, 7301)), COUNT)
        self.compare_flows(capture.file)
        for row in self.lab.api.pages("/api/v1/connections?port=7300&limit=1000"):
            self.assertEqual(20480 + 120, row["server"]["unique_payload_bytes"], row)

    def compare_flows(self, file):
        """Of the flow to 7399, and of the pings; those that are still in use too. ICMP errors are others: after 30 s
        kernels complain of fragments that did not come."""
        def told(flows):
            return {(flow["protocol"], flow["server"]["port"]): [
                {figure: flow[side][figure] for figure in ("packets_sent", "bytes_sent", "packets_delivered", "dropped",
                                                           "duplicated", "corrupted", "reordered", "payload_bytes")}
                for side in ("client", "server")] for flow in flows
                if "." in flow["client"]["address"] and flow["client"]["port"] > 0}
        flows = {"live": list(self.lab.api.pages("/api/v1/flows?limit=1000")), "offline": analysed(file)["flows"]}
        self.assertEqual(*({(tuple(sorted(flow)), tuple(sorted(flow["client"]))) for flow in some}
                           for some in flows.values()), "the same shape")
        live, offline = told(flows["live"]), told(flows["offline"])
        self.assertEqual(offline, live)
        udp, pings = live["udp", 7399][0], live["icmp", 0][0]
        # 1,480, 1,480 and 1,048 bytes by the sender, of which the link makes 3, 3 and 2 packets.
        self.assertEqual((20 * 4000, 20 * 8), (udp["payload_bytes"], udp["packets_sent"]))
        self.assertEqual((5 * 4000, 5 * 8), (pings["payload_bytes"], pings["packets_sent"]))
        self.assertGreater(udp["dropped"], 0)

    def test_it_ends_by_itself(self):
        self.lab.put()
        for options in (["--packets", "3"], ["--for", "300ms"]):
            with Capture(self.lab, "short.pcapng", *options) as capture:
                self.lab.near.run("ping", "-c", "3", "-i", "0.05", self.lab.far.v4)
                self.assertRegex(capture.wait(), r"packets, .* in ")
            flows = analysed(capture.file)["flows"]
            self.assertTrue(any(flow["protocol"] == "icmp" for flow in flows), flows)

    def test_a_link_that_there_is_not(self):
        file = os.path.join(self.lab.directory, "none.pcapng")
        run = subprocess.run([WOBBLE, "--url", self.lab.url, "capture", "nowhere", "-o", file], capture_output=True,
                             text=True, timeout=10)
        self.assertEqual((1, False), (run.returncode, os.path.exists(file)), run.stderr)
        self.assertIn("nowhere", run.stderr)


if __name__ == "__main__":
    harness.main("ss", "ping", "nstat")
