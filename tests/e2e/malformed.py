"""Malformed and truncated packets, and a SYN flood, written into the lab's own devices: counted, nothing crashes, and
what is right still passes."""

import random
import socket
import struct
import unittest

import harness
import udp_stream

ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86DD


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, destination, protocol, payload, *, version=4, words=5, length=None, fragment=0, options=b""):
    """A packet whose header may lie: about its version, its own length in words, and the whole length."""
    length = 20 + len(options) + len(payload) if length is None else length
    head = struct.pack("!BBHHHBBH4s4s", version << 4 | words, 0, length & 0xFFFF, 1, fragment, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(destination)) + options
    head = head[:10] + struct.pack("!H", checksum(head[:20] + options)) + head[12:]
    return head + payload


def ipv6(source, destination, protocol, payload, *, length=None):
    return struct.pack("!IHBB", 6 << 28, len(payload) if length is None else length, protocol, 64) + \
        socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination) + payload


def tcp(source, destination, source_port, destination_port, *, flags=2, words=5, sequence=1, data=b""):
    head = struct.pack("!HHIIBBHHH", source_port, destination_port, sequence, 0, words << 4, flags, 64240, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, 6, 20 + len(data))
    return head[:16] + struct.pack("!H", checksum(pseudo + head + data)) + head[18:] + data


class Malformed(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(harness.Lab())
        self.near, self.far = self.lab.near, self.lab.far
        self.raw = {}
        for protocol in (ETH_P_IP, ETH_P_IPV6):
            with self.near.entered():
                sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
                sock.setsockopt(socket.SOL_SOCKET, harness.SO_SNDBUFFORCE, 32 << 20)
                sock.bind((self.near.device, protocol))
            self.raw[protocol] = self.enterContext(sock)

    def inject(self, packets):
        """Writes packets into the near device, as the near side's kernel would; how many the link took."""
        before = self.lab.arrived("up")
        for number, packet in enumerate(packets):
            self.raw[ETH_P_IPV6 if packet[:1] and packet[0] >> 4 == 6 else ETH_P_IP].send(packet)
            if number % 200 == 199:  # no faster than the link reads, so that the device's queue loses none
                self.lab.wait("the link to read", lambda: self.lab.arrived("up") >= before + number + 1)
        self.lab.wait("the link to read all", lambda: self.lab.arrived("up") >= before + len(packets))

    def assert_books_balance_and_traffic_flows(self):
        self.assertTrue(self.lab.is_alive())
        counters = self.lab.wait_empty()["up"]["total"]
        self.assertEqual(counters["packets_in"] + counters["duplicated"],
                         counters["packets_out"] + counters["dropped"]["total"], counters)
        self.assertEqual(counters["dropped"]["total"],
                         sum(n for reason, n in counters["dropped"].items() if reason != "total"))
        out = self.near.run("curl", "-sS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                            f"http://{self.far.v4}/bytes/10000").stdout
        self.assertEqual("200 10000", out)
        self.assertEqual(200, self.lab.api.request("GET", "/healthz").status)
        return counters

    def broken(self):
        """Packets that are not IP, or whose header contradicts the packet."""
        a, b = self.near.v4, self.far.v4
        whole = ipv4(a, b, socket.IPPROTO_UDP, b"x" * 40)
        packets = [bytes([0x45]), b"\x00", b"\xff" * 40, b"\x45" + bytes(10), whole[:19], whole[:30]]
        packets += [ipv4(a, b, 17, b"x" * 40, version=v) for v in (0, 5, 7, 15)]
        packets += [ipv4(a, b, 17, b"x" * 40, words=w) for w in (0, 1, 4)]
        packets += [ipv4(a, b, 17, b"x" * 4, words=15), ipv4(a, b, 17, b"x" * 40, length=10),
                    ipv4(a, b, 17, b"x" * 40, length=65535), ipv4(a, b, 17, b"x" * 40, length=61)]
        six = ipv6(self.near.v6, self.far.v6, 17, b"x" * 40)
        packets += [six[:39], six[:8], six[:1], ipv6(self.near.v6, self.far.v6, 17, b"x" * 40, length=41),
                    ipv6(self.near.v6, self.far.v6, 17, b"", length=65535)]
        return packets

    def odd(self):
        """Right as IP; what is inside is short, absurd or cut."""
        a, b = self.near.v4, self.far.v4
        packets = [ipv4(a, b, 6, bytes(n)) for n in (0, 1, 13, 19)] + [ipv4(a, b, 17, bytes(n)) for n in (0, 3, 7)]
        packets += [ipv4(a, b, 6, tcp(a, b, 1000, 80, words=w)) for w in (0, 4, 6, 15)]
        packets += [ipv4(a, b, 6, tcp(a, b, 1000 + f, 80, flags=f)) for f in (0, 3, 5, 6, 7, 1, 0x3F, 0xFF)]
        packets += [ipv4(a, b, 6, tcp(a, b, 2000, 80)[:12], fragment=0x2000), ipv4(a, b, 6, b"z" * 64, fragment=3),
                    ipv4(a, b, 17, b"z" * 64, fragment=0x1FFF), ipv4(a, b, 1, b""), ipv4(a, b, 58, b"\x80"),
                    ipv4(a, b, 255, b"?"), ipv4(a, b, 6, tcp(a, b, 0, 0)), ipv4(a, a, 6, tcp(a, a, 80, 80)),
                    ipv4("0.0.0.0", "255.255.255.255", 17, bytes(8)), ipv4(a, b, 6, tcp(a, b, 3, 80), words=6,
                                                                         options=b"\x07\x00\x00\x00")]
        for chain in (bytes([0] + [0] * 7) * 50, bytes([60, 255]) + bytes(6), bytes([43, 0]) + bytes(6),
                      bytes([44, 0, 0, 1, 0, 0, 0, 1]), bytes([51, 255]), b"\x00", b""):
            packets += [ipv6(self.near.v6, self.far.v6, first, chain) for first in (0, 43, 44, 51, 60, 6, 17, 58, 59)]
        return packets

    def test_broken_packets_are_counted_as_malformed(self):
        packets = self.broken()
        self.inject(packets)
        counters = self.assert_books_balance_and_traffic_flows()
        self.assertEqual(len(packets), counters["dropped"]["malformed"], counters)

    def test_odd_packets_harm_nobody(self):
        for conditions in ({}, {"corrupt": {"percent": "100%", "bits": 64, "fix_checksum": True}},
                           {"corrupt": {"percent": "100%", "bits": 3}, "duplicate": "100%"}):
            with self.subTest(conditions=conditions):
                self.lab.put(up=conditions)
                self.inject(self.odd())
                self.lab.put()
                self.assert_books_balance_and_traffic_flows()

    def test_random_and_mutated_packets(self):
        chance = random.Random(4711)
        a, b = self.near.v4, self.far.v4
        models = [ipv4(a, b, 6, tcp(a, b, 1234, 80, data=b"hello" * 9)), ipv4(a, b, 17, bytes(30)),
                  ipv6(self.near.v6, self.far.v6, 6, tcp(a, b, 1, 2)), *self.odd()]
        packets = []
        for _ in range(4000):
            packet = bytearray(chance.choice(models))
            for _ in range(chance.randrange(4)):
                packet[chance.randrange(len(packet))] = chance.randrange(256)
            packets.append(bytes(packet[:chance.randrange(1, len(packet) + 1)] if chance.random() < 0.5 else packet))
        packets += [chance.randbytes(chance.randrange(1, 200)) for _ in range(1000)]
        self.lab.both(delay="1ms", duplicate="5%", corrupt={"percent": "20%", "fix_checksum": True})
        self.inject(packets)
        self.lab.put()
        counters = self.assert_books_balance_and_traffic_flows()
        print(f"{len(packets)} mutated packets: {counters['dropped']['malformed']} malformed")

    def test_syn_flood(self):
        chance = random.Random(5)
        a = [f"10.77.{chance.randrange(2, 250)}.{chance.randrange(1, 255)}" for _ in range(5000)]
        packets = [ipv4(source, self.far.v4, 6, tcp(source, self.far.v4, chance.randrange(1024, 65536), 80,
                                                    sequence=chance.randrange(1 << 32))) for source in a]
        self.inject(packets)
        stats = self.lab.stats()
        print(f"after 5,000 SYNs: {stats['connections']} connections, events lost {stats['events_lost']}")
        self.assertTrue(4000 < stats["connections"] <= 65536, stats["connections"])
        self.assert_books_balance_and_traffic_flows()
        with udp_stream.Stream(self.lab, self.near, self.far) as stream:
            self.assertIsNotNone(stream.wait(stream.send()))

    def test_far_side_too(self):
        """The other device's reader is the same code on another path: one of each from there."""
        with self.far.entered():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
            sock.bind((self.far.device, ETH_P_IP))
        packets = self.broken()
        with sock:
            for packet in packets:
                sock.send(packet)
        self.lab.wait("the malformed to be counted",
                      lambda: self.lab.stats()["down"]["total"]["dropped"]["malformed"] == len(packets))
        self.assert_books_balance_and_traffic_flows()


if __name__ == "__main__":
    harness.main("curl")
