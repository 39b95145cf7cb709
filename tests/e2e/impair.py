"""Loss, duplicate, reorder and corrupt are what was asked: 20,000 UDP packets for each, the share within exact binomial
bounds (a right daemon fails once in a million runs), and what the receiver counts equal to what the stats report."""

import select
import socket
import time
import unittest

import chance
import harness
import udp_stream

COUNT = 20_000


class Impair(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(harness.Lab())

    def send(self, up):
        """20,000 packets through these conditions: the stream, and the stats of the way up."""
        self.lab.put(up=up)
        with udp_stream.Stream(self.lab, self.lab.near, self.lab.far) as stream:
            stream.send_paced(COUNT)
            stats = stream.finish()["up"]
        counters = stats["since_change"]
        # The namespaces themselves may send a packet now and then (neighbour discovery); never one less.
        self.assertGreaterEqual(counters["packets_in"], COUNT)
        self.assertLess(counters["packets_in"], COUNT + 20)
        self.assertEqual(counters["packets_in"] + counters["duplicated"],
                         counters["packets_out"] + counters["dropped"]["total"])
        return stream, stats

    def assert_chance(self, measured, p):
        low, high = chance.binomial_bounds(COUNT, p)
        print(f"asked {100 * p:g} %: {measured} of {COUNT} = {100 * measured / COUNT:.3f} %, bounds {low} to {high}")
        self.assertTrue(low <= measured <= high, (low, measured, high))

    def test_nothing_asked_nothing_done(self):
        stream, stats = self.send({})
        self.assertEqual(list(range(COUNT)), stream.numbers())
        self.assertTrue(all(packet.intact for packet in stream.received))
        self.assertEqual({}, stats["asked"])

    def test_loss(self):
        for percent in (1, 25):
            with self.subTest(percent=percent):
                stream, stats = self.send({"loss": f"{percent}%"})
                lost = COUNT - len(stream.received)
                self.assert_chance(lost, percent / 100)
                self.assertEqual(sorted(set(stream.numbers())), stream.numbers())
                extra = stats["since_change"]["packets_in"] - COUNT
                self.assertTrue(lost <= stats["since_change"]["dropped"]["loss"] <= lost + extra)
                self.assertEqual(stats["since_change"]["dropped"]["loss"], stats["since_change"]["dropped"]["total"])
                self.assertAlmostEqual(100 * lost / COUNT, stats["delivered"]["loss_percent"], delta=0.1)

    def test_gilbert_elliott(self):
        """p 1 %, r 25 %: in the long run p/(p+r) = 3.85 % is lost, in bursts of 4 on average. The number of bursts is
        near binomial (a burst begins with p behind each packet of the good state)."""
        stream, stats = self.send({"loss": {"gilbert_elliott": {"p": "1%", "r": "25%"}}})
        got = set(stream.numbers())
        lost = [n for n in range(COUNT) if n not in got]
        bursts = sum(1 for n in lost if n - 1 in got or n == 0)
        low, high = chance.binomial_bounds(COUNT, 0.01 * 0.25 / 0.26)
        print(f"Gilbert-Elliott: {len(lost)} lost in {bursts} bursts, bounds {low} to {high}")
        self.assertTrue(low <= bursts <= high, (low, bursts, high))
        self.assertTrue(2.5 < len(lost) / bursts < 6, len(lost) / bursts)
        self.assertEqual(len(lost), stats["since_change"]["dropped"]["loss"])

    def test_duplicate(self):
        stream, stats = self.send({"duplicate": "5%"})
        copies = len(stream.received) - COUNT
        self.assertEqual(COUNT, len(set(stream.numbers())))
        self.assert_chance(copies, 0.05)
        extra = stats["since_change"]["packets_in"] - COUNT
        self.assertTrue(copies <= stats["since_change"]["duplicated"] <= copies + extra)

    def test_corrupt_is_discarded_by_the_receiver(self):
        stream, stats = self.send({"corrupt": "5%"})
        missing = COUNT - len(stream.received)
        self.assertTrue(all(packet.intact for packet in stream.received))
        self.assert_chance(missing, 0.05)
        extra = stats["since_change"]["packets_in"] - COUNT
        self.assertTrue(missing <= stats["since_change"]["corrupted"] <= missing + extra)
        self.assertEqual(0, stats["since_change"]["dropped"]["total"])

    def test_corrupt_with_the_checksum_mended_is_read(self):
        stream, stats = self.send({"corrupt": {"percent": "5%", "bits": 3, "fix_checksum": True}})
        self.assertEqual(COUNT, len(stream.received))
        # A flipped bit in the number or the time stamp shows as a number never sent, or not at all.
        unseen = sum(1 for packet in stream.received if packet.intact) - (COUNT - stats["since_change"]["corrupted"])
        damaged = sum(1 for packet in stream.received if not packet.intact)
        print(f"{damaged} read as damaged, {stats['since_change']['corrupted']} corrupted, {unseen} unseen")
        self.assertTrue(0 <= unseen <= 0.05 * stats["since_change"]["corrupted"])
        self.assert_chance(stats["since_change"]["corrupted"], 0.05)

    def test_reorder_by_packets(self):
        stream, stats = self.send({"reorder": {"percent": "5%", "by": "3packets"}})
        self.assertEqual(list(range(COUNT)), sorted(stream.numbers()))
        late, extents = late_packets(stream.numbers())
        self.assert_chance(late, 0.05)
        # One moved together with the three behind it is overtaken by nobody: 0.05^4 of them.
        self.assertTrue(late <= stats["since_change"]["reordered"] <= late + 10,
                        (late, stats["since_change"]["reordered"]))
        self.assertGreaterEqual(chance.median(extents), 3)

    def test_reorder_by_time(self):
        stream, stats = self.send({"reorder": {"percent": "5%", "by": "5ms"}})
        self.assertEqual(list(range(COUNT)), sorted(stream.numbers()))
        late, _ = late_packets(stream.numbers())
        reordered = stats["since_change"]["reordered"]
        print(f"by 5 ms: {late} overtaken, {reordered} moved")
        self.assert_chance(reordered, 0.05)
        self.assertTrue(0.9 * reordered <= late <= reordered)  # where the sender paused, nobody was there to overtake

    def test_fq_codel_marks_what_is_capable_of_ecn(self):
        """3,000 packets sent within a fraction of a second wait for up to 0.6 s at 5 Mbit/s: CoDel marks, and drops
        none; the receiver reads the marks that the stats count, behind a checksum its kernel has found right."""
        up = {"rate": "5mbit", "queue": {"limit": "5000packets", "discipline": "fq_codel", "ecn": True}}
        _, stats = self.marks(up)
        self.assertGreater(stats["delivered"]["delay_ms"]["max"], 100)

    def test_loss_with_ecn_marks_what_is_capable(self):
        """netem's words: of 3,000 capable packets a tenth is marked and none lost."""
        codepoints, stats = self.marks({"netem": "loss 10% ecn"})
        low, high = chance.binomial_bounds(3000, 0.1)
        self.assertTrue(low <= codepoints.count(3) <= high, (low, codepoints.count(3), high))
        self.assertEqual(0, stats["delivered"]["loss_percent"])
        self.assertAlmostEqual(codepoints.count(3) / 30, stats["delivered"]["marked_percent"], delta=0.1)

    def marks(self, up):
        """3,000 packets that are capable of ECN through these conditions: the codepoints that arrive, and the stats of the way
        up. None is dropped."""
        self.lab.put(up=up)
        with udp_stream.Stream(self.lab, self.lab.near, self.lab.far) as stream:
            stream.sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 2)  # ECT(0)
            stream.receiver.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
            for i in range(3000):
                stream.send()
                if i % 10 == 9:
                    time.sleep(0.0005)
            stream.wait_read()
            stats = self.lab.wait_empty()["up"]
            codepoints = []
            deadline = time.monotonic() + 5
            while len(codepoints) < 3000 and select.select([stream.receiver], [], [],
                                                          max(0, deadline - time.monotonic()))[0]:
                _, ancillary, _, _ = stream.receiver.recvmsg(65536, 64)
                codepoints += [data[0] & 3 for _, kind, data in ancillary if kind == socket.IP_TOS]
        counters = stats["since_change"]
        print(f"{counters['marked']} of {len(codepoints)} marked, {counters['dropped']['total']} dropped")
        self.assertEqual(3000, len(codepoints))
        self.assertEqual(0, counters["dropped"]["total"])
        self.assertEqual({2, 3}, set(codepoints))
        self.assertEqual(counters["marked"], codepoints.count(3))
        return codepoints, stats


def late_packets(numbers):
    """How many arrived behind a later one (RFC 4737's reordered), and behind how many each."""
    late, extents, seen, highest = 0, [], [], -1
    for number in numbers:
        if number < highest:
            late += 1
            extents.append(sum(1 for n in seen[-2000:] if n > number))
        else:
            highest = number
        seen.append(number)
    return late, extents or [0]


if __name__ == "__main__":
    harness.main()
