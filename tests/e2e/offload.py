"""Super-packets, seen from behind the lab: what leaves the link is what separate packets would have been.

    near ── wobbled ── far ── veth, every offload off ── behind

Between two TUN devices nobody ever verifies a checksum. So the receiver stands in a third namespace, behind a veth pair that
has no offload on either end: there the kernel itself cuts what we wrote, and checks every sum."""

import hashlib
import json
import os
import socket
import subprocess
import threading
import unittest

import harness
import udp_stream
from tcp_lives import content

SIZE = 20_000_000
LONG = 1_000_000_000
SOL_UDP, UDP_SEGMENT = 17, 103  # linux/udp.h
V4, V6 = "10.79.0", "fd79:"


class Behind(harness.Namespace):
    """The third namespace, by name while it lives."""

    def __init__(self, far):
        self.name = f"{harness.PREFIX}-behind"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        super().__init__(f"/run/netns/{self.name}", [f"{V4}.2", f"{V6}:2"], "e0")
        far.run("ip", "link", "add", "b0", "type", "veth", "peer", "name", "e0", "netns", self.name)
        for side, device, host in ((far, "b0", 1), (self, "e0", 2)):
            side.run("ethtool", "-K", device, *(word for what in ("tx", "rx", "tso", "gso", "gro") for word in (what, "off")))
            side.run("ip", "link", "set", device, "up")
            side.run("ip", "addr", "add", f"{V4}.{host}/24", "dev", device)
            side.run("ip", "-6", "addr", "add", f"{V6}:{host}/64", "dev", device, "nodad")
        self.run("ip", "route", "add", "default", "via", f"{V4}.1")
        self.run("ip", "-6", "route", "add", "default", "via", f"{V6}:1")
        far.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        for address in (self.v4, self.v6):  # until the neighbours know each other, a burst is mostly lost
            far.run("ping", "-q", "-c", "1", "-w", "20", address)

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False)

    def wrong_sums(self):
        """Packets this kernel discarded for their checksum, TCP and UDP over both versions."""
        total = 0
        with self.entered():
            with open("/proc/thread-self/net/snmp", encoding="ascii") as file:
                lines = [line.split() for line in file]
            for names, values in zip(lines[::2], lines[1::2]):
                total += sum(int(v) for n, v in zip(names, values) if n == "InCsumErrors")
            with open("/proc/thread-self/net/snmp6", encoding="ascii") as file:
                total += sum(int(value) for name, value in map(str.split, file) if name == "Udp6InCsumErrors")
        return total


class Offload(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(harness.Lab())
        self.behind = Behind(self.lab.far)
        self.addCleanup(self.behind.remove)

    def carry(self, source, sink, family, size=SIZE):
        with sink.socket(family) as listener:
            listener.bind((sink.address(family), 0))
            listener.listen(1)
            port = listener.getsockname()[1]

            def send():
                with source.socket(family) as out:
                    out.connect((sink.address(family), port))
                    for offset in range(0, size, 1 << 20):
                        out.sendall(content(offset, min(1 << 20, size - offset)))

            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            listener.settimeout(30)
            digest, length = hashlib.sha256(), 0
            with listener.accept()[0] as peer:
                peer.settimeout(60)
                while chunk := peer.recv(1 << 18):
                    digest.update(chunk)
                    length += len(chunk)
            sender.join(30)
        self.assertEqual(size, length)
        expected = hashlib.sha256()
        for offset in range(0, size, 1 << 20):
            expected.update(content(offset, min(1 << 20, size - offset)))
        self.assertEqual(expected.digest(), digest.digest())

    def written_to_far(self):
        """Packets the kernel took from us on the far device, a super-packet counted once."""
        shown = json.loads(self.lab.far.run("ip", "-s", "-j", "link", "show", "far").stdout)
        return shown[0]["stats64"]["rx"]["packets"]

    def test_tcp_in_super_packets(self):
        for family in (socket.AF_INET, socket.AF_INET6):
            before = self.written_to_far()
            self.lab.put()
            self.carry(self.lab.near, self.behind, family)
            on_the_wire = self.lab.stats()["up"]["since_change"]["packets_out"]
            written = self.written_to_far() - before
            print(f"{on_the_wire} wire packets left in {written}", flush=True)
            self.assertGreater(on_the_wire, 3 * written, "were there no super-packets?")
        self.assertEqual(0, self.behind.wrong_sums())

    def test_tcp_through_everything(self):
        for side in (self.lab.near, self.behind):
            side.run("sysctl", "-qw", "net.ipv4.tcp_congestion_control=bbr", check=False)
        conditions = {"delay": {"time": "3ms", "jitter": "1ms"}, "loss": "1%", "duplicate": "1%",
                      "reorder": {"percent": "1%", "by": "3packets"}}
        for family in (socket.AF_INET, socket.AF_INET6):
            for source, sink in ((self.lab.near, self.behind), (self.behind, self.lab.near)):
                self.lab.both(**conditions)
                self.carry(source, sink, family)
        self.assertEqual(0, self.behind.wrong_sums())

    def test_a_long_transfer_through_one_percent_of_loss_arrives_intact(self):
        self.lab.near.run("sysctl", "-qw", "net.ipv4.tcp_congestion_control=bbr", check=False)
        before = self.written_to_far()
        self.lab.both(loss="1%")
        self.carry(self.lab.near, self.behind, socket.AF_INET, LONG)
        self.lab.wait_empty()
        up = self.lab.stats()["up"]
        packets = up["since_change"]["packets_in"]
        self.assertGreater(packets, LONG / 1448)
        self.assertGreater(up["since_change"]["packets_out"], self.written_to_far() - before, "without super-packets?")
        slack = 5 * 100 * (0.01 * 0.99 / packets) ** 0.5  # five standard deviations, in percent
        self.assertAlmostEqual(1, up["delivered"]["loss_percent"], delta=slack)
        self.assertEqual(0, self.behind.wrong_sums())

    def datagrams(self, family, rounds=50, each=20, size=1000):
        """Sends rounds * each numbered datagrams of `size`, `each` of them in one call; returns what arrived."""
        with self.behind.socket(family, socket.SOCK_DGRAM) as sink, self.lab.near.socket(family, socket.SOCK_DGRAM) as out:
            sink.setsockopt(socket.SOL_SOCKET, harness.SO_RCVBUFFORCE, 16 << 20)
            sink.bind((self.behind.address(family), 0))
            sink.settimeout(1)
            out.setsockopt(SOL_UDP, UDP_SEGMENT, size)
            before = self.lab.stats()["up"]["since_change"]["packets_in"]
            for number in range(0, rounds * each, each):
                out.sendto(b"".join((number + i).to_bytes(4, "big") * (size // 4) for i in range(each)),
                           (self.behind.address(family), sink.getsockname()[1]))
            self.lab.wait("every datagram to be counted as one", lambda: self.lab.stats()["up"]["since_change"][
                "packets_in"] - before >= rounds * each)
            arrived = []
            try:
                while True:
                    arrived.append(sink.recv(65536))
            except TimeoutError:
                return arrived

    def test_udp_in_super_packets(self):
        for family in (socket.AF_INET, socket.AF_INET6):
            before = self.written_to_far()
            arrived = self.datagrams(family)
            self.assertEqual([n.to_bytes(4, "big") * 250 for n in range(1000)], arrived)
            self.assertLess(self.written_to_far() - before, 900, "were there no super-packets?")
        self.assertEqual(0, self.behind.wrong_sums())

    def test_small_datagrams_that_leave_together(self):
        """Each was sent alone; released at once, they leave in few super-packets, and arrive one by one, in order."""
        sizes = [64] * 40 + [20] + [64] * 100 + [1200] * 30 + [7] * 29
        for family in (socket.AF_INET, socket.AF_INET6):
            with (self.behind.socket(family, socket.SOCK_DGRAM) as sink,
                  self.lab.near.socket(family, socket.SOCK_DGRAM) as out):
                sink.setsockopt(socket.SOL_SOCKET, harness.SO_RCVBUFFORCE, 16 << 20)
                sink.bind((self.behind.address(family), 0))
                sink.settimeout(5)
                out.connect((self.behind.address(family), sink.getsockname()[1]))  # its identifications count up
                self.lab.put(up={"delay": "1m"})
                before = self.lab.stats()["up"]["in_flight"]["packets"]
                for number in range(1000):
                    out.send(number.to_bytes(4, "big") + bytes(sizes[number % len(sizes)] - 4))
                    if number % 100 == 99:  # a burst must fit into the device's queue
                        self.lab.wait("all to be in flight", lambda: self.lab.stats()["up"]["in_flight"][
                            "packets"] - before > number)
                written = self.written_to_far()
                self.lab.api.request("POST", "/api/v1/links/lab/reset")
                arrived = [sink.recv(65536) for _ in range(1000)]
            self.assertEqual(list(range(1000)), [int.from_bytes(d[:4], "big") for d in arrived])
            self.assertEqual([sizes[n % len(sizes)] for n in range(1000)], [len(d) for d in arrived])
            written = self.written_to_far() - written
            print(f"1000 datagrams left in {written}", flush=True)
            self.assertLess(written, 250, "was nothing joined?")
        self.assertEqual(0, self.behind.wrong_sums())

    def test_joined_datagrams_are_never_early(self):
        with udp_stream.Stream(self.lab, self.lab.near, self.behind) as stream:
            self.lab.put(up={"delay": {"time": "20ms", "jitter": "5ms"}})
            stream.send_paced(5000, per_burst=25)
            stats = stream.finish()
        self.assertEqual(list(range(5000)), stream.numbers())
        self.assertGreaterEqual(min(packet.delay for packet in stream.received), 0.015)
        self.assertTrue(all(packet.intact for packet in stream.received))
        self.assertEqual(5000, stats["up"]["since_change"]["packets_out"])
        self.assertEqual(0, self.behind.wrong_sums())

    def test_tcp_segments_that_jitter_parted_leave_together(self):
        for family in (socket.AF_INET, socket.AF_INET6):
            self.lab.both(delay={"time": "3ms", "jitter": "2ms"})
            before = self.written_to_far()
            self.carry(self.lab.near, self.behind, family)
            on_the_wire = self.lab.stats()["up"]["since_change"]["packets_out"]
            written = self.written_to_far() - before
            print(f"{on_the_wire} wire packets left in {written}", flush=True)
            self.assertGreater(on_the_wire, 2 * written, "was nothing joined?")
        self.assertEqual(0, self.behind.wrong_sums())

    def test_damaged_datagrams_are_discarded_by_the_receiver_and_nothing_else_is(self):
        for family in (socket.AF_INET, socket.AF_INET6):
            before = self.behind.wrong_sums()
            self.lab.put(up={"corrupt": "10%"})
            arrived = self.datagrams(family)
            damaged = self.lab.stats()["up"]["since_change"]["corrupted"]
            self.assertGreater(damaged, 0)
            self.assertEqual(damaged, self.behind.wrong_sums() - before)
            self.assertEqual(1000 - damaged, len(arrived))


if __name__ == "__main__":
    harness.main("ethtool", "sysctl", "ping")
