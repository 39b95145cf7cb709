"""Numbered UDP packets from one side of a link to the other, sent and received by one thread, with own time stamps."""

import select
import socket
import struct
import time

import harness

_HEAD = struct.Struct("!QQ")  # number, monotonic nanoseconds when it was sent
_BUFFER = 32 << 20


class Received:
    def __init__(self, number, sent, at, intact):
        self.number, self.sent, self.at, self.intact = number, sent, at, intact

    @property
    def delay(self):
        """Seconds from before send() to after recv(): never less than the link's delay."""
        return (self.at - self.sent) / 1e9


class Stream:
    """One flow over `link` from `source` to `sink`; `received` grows in order of arrival."""

    def __init__(self, link, source, sink, family=socket.AF_INET, size=100):
        self.link = link
        self.direction = "up" if source is link.near else "down"
        self.arrived_before = link.arrived(self.direction)
        self.size = size
        self.received = []
        self.next_number = 0
        self.receiver = sink.socket(family, socket.SOCK_DGRAM)
        self.receiver.setsockopt(socket.SOL_SOCKET, harness.SO_RCVBUFFORCE, _BUFFER)
        self.receiver.bind((sink.address(family), 0))
        self.receiver.setblocking(False)
        self.sender = source.socket(family, socket.SOCK_DGRAM)
        self.sender.setsockopt(socket.SOL_SOCKET, harness.SO_SNDBUFFORCE, _BUFFER)
        self.sender.connect(self.receiver.getsockname()[:2])

    def close(self):
        self.sender.close()
        self.receiver.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @staticmethod
    def _filling(number, length):
        return bytes((number * 7 + i) & 0xFF for i in range(16)) * (length // 16 + 1)

    def send(self):
        """The next packet; its number."""
        number = self.next_number
        self.next_number += 1
        filling = self._filling(number, self.size)[:self.size - _HEAD.size]
        self.sender.send(_HEAD.pack(number, time.monotonic_ns()) + filling)
        return number

    def drain(self):
        """Takes in what has arrived."""
        while True:
            try:
                data = self.receiver.recv(65536)
            except BlockingIOError:
                return
            at = time.monotonic_ns()
            number, sent = _HEAD.unpack_from(data)
            intact = (len(data) == self.size and number < self.next_number
                      and data[_HEAD.size:] == self._filling(number, self.size)[:self.size - _HEAD.size])
            self.received.append(Received(number, sent, at, intact))

    def drain_until(self, deadline):
        """Takes in what arrives, asleep in between: the link must have the processor."""
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.receiver], [], [], left)[0]:
                self.drain()

    def send_paced(self, count, per_burst=10, pause=0.0005):
        """`count` packets in small bursts, so that no queue of the kernel's overflows; takes in what arrives."""
        for start in range(0, count, per_burst):
            turn_ends = time.monotonic() + pause
            for _ in range(min(per_burst, count - start)):
                self.send()
            self.drain()
            self.drain_until(turn_ends)

    def wait(self, number, seconds=5):
        """The packet with this number, or None if it has not come in time."""
        deadline = time.monotonic() + seconds
        while True:
            self.drain()
            for packet in reversed(self.received):
                if packet.number == number:
                    return packet
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            select.select([self.receiver], [], [], left)

    def wait_read(self):
        """Until the link has read all that was sent: from then on no change of conditions can concern it."""
        self.link.wait("the link to read all",
                       lambda: self.link.arrived(self.direction) >= self.arrived_before + self.next_number)

    def finish(self):
        """All that will arrive has arrived; the link's stats then."""
        self.wait_read()
        stats = self.link.wait_empty()
        self.drain_until(time.monotonic() + 0.2)  # the kernel's queue from the device to the socket
        return stats

    def numbers(self):
        return [packet.number for packet in self.received]
