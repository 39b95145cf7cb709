"""`wobble analyze` needs no more memory for a long capture than for a short one: its peak, for two captures in which
the same number of connections is open at a time, and that every connection is told.

WOBBLE_CAPTURE_MB=N: the longer one in MB (200; `./dev soak` takes 1000). The shorter has 100."""

import os
import struct
import subprocess
import tempfile
import time
import unittest

import harness

SHORT = 100
LONG = int(os.environ.get("WOBBLE_CAPTURE_MB", "200"))
MAY_GROW = 4096  # KB: what allocation leaves over, not what is kept
WOBBLE = os.path.join(harness.BUILD, "wobble")

# A connection begins every 50 ms and has a packet every 3.3 s, so that some 1,000 are open at any time; 1,200 are in
# TIME_WAIT, and as many flows of UDP wait to be forgotten, long before the shorter capture ends.
_BETWEEN, _STEP, _CLIENTS = 66, 50_000_000, 4096
_SYN, _FIN, _PSH, _ACK = 2, 1, 8, 16
_DATA, _PIECES = 1400, 8
_FRAME = struct.Struct("<IIII")
_IPV4 = struct.Struct("!BBHHHBBHII")
_TCP = struct.Struct("!HHIIHHHH")
_UDP = struct.Struct("!HHHH")


def packets_of():
    """[(from the client, flags, sequence number, acknowledgment, length)] of one connection, relative."""
    sent = _DATA * _PIECES
    return ([(True, _SYN, 0, 0, 0), (False, _SYN | _ACK, 0, 1, 0), (True, _ACK, 1, 1, 0)] +
            [(False, _ACK | _PSH, 1 + n * _DATA, 1, _DATA) for n in range(_PIECES)] +
            [(True, _ACK, 1, 1 + sent, 0), (True, _FIN | _ACK, 1, 1 + sent, 0),
             (False, _FIN | _ACK, 1 + sent, 2, 0), (True, _ACK, 2, 2 + sent, 0)])


class Capture:
    """A pcap file of raw IPv4, with nanoseconds."""

    def __init__(self, path, megabytes):
        self.kinds = packets_of()
        payload = sum(length for *_, length in self.kinds)
        self.connections = megabytes * 1_000_000 // (payload + len(self.kinds) * (16 + 40) + 44)
        with open(path, "wb", buffering=1 << 20) as file:
            file.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101))
            for slot in range(self.connections + _BETWEEN * len(self.kinds)):
                self._write_slot(file, slot)
        self.size = os.path.getsize(path)

    def _write_slot(self, file, slot):
        seconds, nanoseconds = divmod(slot * _STEP, 1_000_000_000)
        for n, kind in enumerate(self.kinds):
            number = slot - n * _BETWEEN
            if 0 <= number < self.connections:
                body = self._tcp(number, *kind)
                file.write(_FRAME.pack(1_700_000_000 + seconds, nanoseconds, len(body), len(body)) + body)
        if slot < self.connections:
            body = self._ip(slot, True, 17, 8) + _UDP.pack(4000 + slot // _CLIENTS, 53, 8, 0)
            file.write(_FRAME.pack(1_700_000_000 + seconds, nanoseconds, len(body), len(body)) + body)

    @staticmethod
    def _ip(number, is_client, protocol, length):
        ends = (0x0A000001 + number % _CLIENTS, 0xC0000201)
        source, destination = ends if is_client else reversed(ends)
        return _IPV4.pack(0x45, 0, 20 + length, 1, 0x4000, 64, protocol, 0, source, destination)

    def _tcp(self, number, is_client, flags, seq, ack, length):
        ports, isns = (4000 + number // _CLIENTS, 80), (number * 7919 & 0xFFFFFFFF, number * 104729 & 0xFFFFFFFF)
        if not is_client:
            ports, isns = ports[::-1], isns[::-1]
        acked = isns[1] + ack & 0xFFFFFFFF if flags & _ACK else 0
        return (self._ip(number, is_client, 6, 20 + length) +
                _TCP.pack(*ports, isns[0] + seq & 0xFFFFFFFF, acked, 5 << 12 | flags, 64240, 0, 0) + bytes(length))


class AnalyzeMemory(unittest.TestCase):
    def measure(self, megabytes):
        """Peak memory in KB."""
        with tempfile.TemporaryDirectory(prefix=harness.PREFIX + "-") as directory:
            path = os.path.join(directory, "long.pcap")
            capture = Capture(path, megabytes)
            began = time.monotonic()
            with subprocess.Popen(harness.with_us(WOBBLE, "analyze", "--json", path), stdout=subprocess.PIPE) as process:
                orderly = flows = 0
                for line in process.stdout:
                    orderly += b'"end":"orderly"' in line
                    flows += b'"protocol":"udp"' in line
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(0, process.returncode)
        self.assertEqual((capture.connections, capture.connections), (orderly, flows))
        print(f"\n{capture.size / 1e6:.0f} MB, {capture.connections} connections and as many flows: peak "
              f"{usage.ru_maxrss} KB, {time.monotonic() - began:.1f} s", flush=True)
        return usage.ru_maxrss

    def test_the_peak_does_not_grow_with_the_capture(self):
        self.assertLessEqual(self.measure(LONG), self.measure(SHORT) + MAY_GROW)


if __name__ == "__main__":
    harness.main(daemon=False)
