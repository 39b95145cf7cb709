"""The same seed and the same traffic meet the same fates: the k-th packet of the n-th connection, however connections
interleave, whatever their clients' ports are and at whatever pace."""

import random
import socket
import struct
import time
import unittest

import harness

SERVERS = (9001, 9002, 9002, 9003)  # two flows to one server: told apart by who came first
COUNT = 1500
CONDITIONS = {"loss": "10%", "duplicate": "5%", "corrupt": "2%"}


class Traffic:
    """One flow of numbered packets for each of SERVERS."""

    def __init__(self, lab, first_port):
        self.lab = lab
        self.clients, self.receivers, self.flow_of = [], {}, {}
        self.counts = [[0] * COUNT for _ in SERVERS]
        self.next_number = [0] * len(SERVERS)
        for port in sorted(set(SERVERS)):
            receiver = lab.far.socket(socket.AF_INET, socket.SOCK_DGRAM)
            receiver.setsockopt(socket.SOL_SOCKET, harness.SO_RCVBUFFORCE, 32 << 20)
            receiver.bind((lab.far.v4, port))
            receiver.setblocking(False)
            self.receivers[port] = receiver
        for flow, port in enumerate(SERVERS):
            client = lab.near.socket(socket.AF_INET, socket.SOCK_DGRAM)
            client.bind((lab.near.v4, first_port + flow))
            client.connect((lab.far.v4, port))
            self.flow_of[first_port + flow] = flow
            self.clients.append(client)

    def send(self, flow):
        self.clients[flow].send(struct.pack("!I", self.next_number[flow]) + bytes(60))
        self.next_number[flow] += 1

    def drain(self):
        for receiver in self.receivers.values():
            while True:
                try:
                    data, peer = receiver.recvfrom(2048)
                except BlockingIOError:
                    break
                self.counts[self.flow_of[peer[1]]][struct.unpack_from("!I", data)[0]] += 1

    def run(self, order):
        for flow in range(len(SERVERS)):
            self.send(flow)  # which of the two flows to 9002 is the first is part of the traffic
        turns = [flow for flow in range(len(SERVERS)) for _ in range(COUNT - 1)]
        order.shuffle(turns)
        for flow in turns:
            self.send(flow)
            self.drain()
        self.lab.wait("the link to read all", lambda: self.lab.arrived("up") >= COUNT * len(SERVERS))
        self.lab.wait_empty()
        deadline = time.monotonic() + 0.2
        while time.monotonic() < deadline:
            self.drain()

    def close(self):
        for sock in (*self.clients, *self.receivers.values()):
            sock.close()


def fates(seed, order, first_port, conditions=None):
    """How often each packet of each flow arrived, in a daemon of its own."""
    with harness.Lab("--seed", str(seed)) as lab:
        assert lab.api.get("/api/v1/links/lab")["seed"] == seed
        lab.both(**(conditions or CONDITIONS))
        traffic = Traffic(lab, first_port)
        try:
            traffic.run(random.Random(order))
        finally:
            traffic.close()
        return traffic.counts


class Repeat(unittest.TestCase):
    def test_same_seed_same_fates(self):
        first = fates(seed=7, order=1, first_port=40000)
        again = fates(seed=7, order=2, first_port=50000)
        for flow, port in enumerate(SERVERS):
            lost = sum(1 for n in first[flow] if n == 0)
            print(f"flow {flow} to port {port}: {lost} of {COUNT} did not arrive")
            self.assertTrue(50 < lost < 400, lost)
            self.assertEqual([], [k for k in range(COUNT) if first[flow][k] != again[flow][k]], f"flow {flow}")
        lost_sets = {tuple(counts) for counts in first}
        self.assertEqual(len(SERVERS), len(lost_sets), "flows share their fates")

        # Another stage's settings do not change which packets are lost.
        jittered = fates(seed=7, order=3, first_port=45000,
                         conditions={**CONDITIONS, "delay": {"time": "3ms", "jitter": "2ms"}})
        self.assertEqual(first, jittered)

        other = fates(seed=8, order=1, first_port=40000)
        self.assertNotEqual(first[0], other[0])


if __name__ == "__main__":
    harness.main()
