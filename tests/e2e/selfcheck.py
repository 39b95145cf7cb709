"""The tests' own parts, tried without wobble: the drivers do what their names say as the kernel sees it, the oracle
shows it, the bounds are right."""

import os
import socket
import unittest

import chance
import cleanup
import harness
import kernel_states
import oracle
import plain_link
import recorded
import tcp_kinds
import udp_stream

COUNT = 50
# Without a delay two FINs do not cross.
KINDS = [name for name, kind in tcp_kinds.KINDS.items() if not kind[3] and name != "both at once"]


class Drivers(unittest.TestCase):
    def test_kernel_shows_what_each_kind_promises(self):
        clients, servers = range(11000, 11000 + COUNT * 2 * len(KINDS)), range(7100, 7200)
        with plain_link.PlainLink() as link, kernel_states.KernelStates(clients, servers) as kernel:
            kernel_states.no_small_fin_wait_2(link.near, link.far)
            first, server_port = clients.start, servers.start
            for family in (socket.AF_INET, socket.AF_INET6):
                for name in KINDS:
                    with self.subTest(kind=name, family=family):
                        self.check(link, kernel, name, family, range(first, first + COUNT), server_port)
                    first, server_port = first + COUNT, server_port + 1

    def check(self, link, kernel, name, family, ports, server_port):
        drive, client, server, _ = tcp_kinds.KINDS[name]
        batch = tcp_kinds.Batch(link.near, link.far, family, ports, server_port, link)
        drive(batch)
        batch.leave()
        near_kept, far_kept = batch.kept()
        events = kernel.take()
        for port in ports:
            here, there = (port, server_port), (server_port, port)
            self.assertEqual(client, kernel_states.full_history(events.get(here, []), near_kept.get(here)), port)
            history = kernel_states.full_history(events.get(there, []), far_kept.get(there))
            if server:
                self.assertEqual(server[1:], [s for s in history if s != "SYN_RECEIVED"], port)
            else:
                self.assertEqual([], history, port)


class Streams(unittest.TestCase):
    def test_numbered_packets_arrive_as_sent(self):
        with plain_link.PlainLink() as link:
            for family in (socket.AF_INET, socket.AF_INET6):
                with udp_stream.Stream(link, link.near, link.far, family) as stream:
                    stream.send_paced(3000)
                    stream.finish()
                    self.assertEqual(list(range(3000)), stream.numbers())
                    self.assertTrue(all(packet.intact and packet.delay > 0 for packet in stream.received))


class Cleanliness(unittest.TestCase):
    def setUp(self):
        harness.private_machine()  # where nobody has named a namespace yet, and no neighbour does meanwhile

    def test_the_folder_that_the_first_named_namespace_makes_is_no_leftover(self):
        before = cleanup.machine()
        self.assertFalse(os.path.exists("/run/netns"))
        with plain_link.PlainLink():
            pass
        with open("/proc/mounts", encoding="utf-8") as mounts:
            self.assertIn("/run/netns", [line.split()[1] for line in mounts], "the case is the one that is meant")
        self.assertEqual(before, cleanup.machine())

    def test_the_machine_is_told_apart_from_one_with_a_leftover(self):
        before = cleanup.machine()
        self.assertEqual(before, cleanup.machine())
        with plain_link.PlainLink() as link:
            self.assertNotEqual(before["namespaces"], cleanup.machine()["namespaces"])
            with link.near.entered():
                self.assertEqual([os.getpid()], cleanup.users_of({os.readlink("/proc/thread-self/ns/net")}))
        self.assertEqual(before, cleanup.machine())


class Explanations(unittest.TestCase):
    class Wire(recorded.Recorded):
        def __init__(self, *fins):
            self.fins = fins

        def segments(self):
            return [{"sent_at": str(at), "from": side, "flags": "FIN,ACK", "seq": seq, "ack": ack, "length": 0}
                    for at, (side, seq, ack) in enumerate(self.fins)]

    def test_only_what_no_packet_shows_is_excused(self):
        opened = ["SYN_RECEIVED", "ESTABLISHED"]
        crossed, passive = ["FIN_WAIT_1", "CLOSING"], ["CLOSE_WAIT", "LAST_ACK"]
        behind = self.Wire(("client", 99, 50), ("server", 50, 100))
        crossing = self.Wire(("client", 99, 50), ("server", 50, 99))
        for wire, reason in ((behind, "hidden FIN"), (crossing, None)):
            self.assertEqual(reason, oracle.explain(opened + crossed + ["TIME_WAIT"], opened + passive + ["CLOSED"],
                                                    "server", wire))
        self.assertIsNone(oracle.explain(opened + passive, opened + crossed, "server", behind))
        ended = opened + ["FIN_WAIT_1", "FIN_WAIT_2"]
        self.assertIsNone(oracle.explain(ended + ["TIME_WAIT"], ended + ["TIME_WAIT", "CLOSED"], "client", behind))
        self.assertIsNone(oracle.explain(ended + ["CLOSED"], ended + ["TIME_WAIT"], "client", behind))
        self.assertEqual("silent", oracle.explain(opened + passive + ["CLOSED"], opened + passive, "client", behind))


    def test_time_wait_is_what_no_reset_ended(self):
        def history(*states, now=None):
            return kernel_states.full_history(list(enumerate(states)), now)
        waited = ["FIN_WAIT_2", "TIME_WAIT"]
        self.assertEqual(waited, history("FIN_WAIT_2", "CLOSED", now="TIME_WAIT"))
        self.assertEqual(waited + ["CLOSED"], history("FIN_WAIT_2", "CLOSED"))
        self.assertEqual(["FIN_WAIT_2", "CLOSED"], history("FIN_WAIT_2", "RESET", "CLOSED"))
        self.assertEqual(["LAST_ACK", "CLOSED"], history("LAST_ACK", "CLOSED"))
        self.assertEqual(waited, history("RESET", "FIN_WAIT_2", "CLOSED", now="TIME_WAIT"))


class Bounds(unittest.TestCase):
    def test_binomial_bounds(self):
        low, high = chance.binomial_bounds(20000, 0.05)
        self.assertTrue(845 < low < 860 and 1140 < high < 1155, (low, high))  # 1000 +- 4.89 * 30.8, a little skewed
        self.assertEqual((0, 0), chance.binomial_bounds(100, 0))
        self.assertEqual((100, 100), chance.binomial_bounds(100, 1))
        self.assertEqual(0, chance.binomial_bounds(10, 0.01)[0])


if __name__ == "__main__":
    harness.main("ss", daemon=False)
