"""What `wobble analyze` needs for a capture of 200 MB, beside tshark and tcptrace on the same file in the same run.

Counted is processor time, of which each of the three uses one core: the machine may have other work."""

import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile

from paths import BUILD

_SYN, _FIN, _PSH, _ACK = 2, 1, 8, 16
_FRAME = struct.Struct("<IIII")
_IPV4 = struct.Struct("!12sHBBHHHBBHII")
_TCP = struct.Struct("!HHIIHHHHBBBBII")
_MSS = 1448
_DATA = bytes(random.Random(5).randbytes(_MSS))


def _segments(rng, pieces):
    """(from the client, flags, relative sequence number, acknowledgment, length) of one connection that loses some."""
    yield True, _SYN, 0, 0, 0
    yield False, _SYN | _ACK, 0, 1, 0
    yield True, _ACK, 1, 1, 0
    yield True, _ACK | _PSH, 1, 1, 200
    for n in range(pieces):
        at = 1 + n * _MSS
        yield False, _ACK, at, 201, _MSS
        if rng.random() < 0.01:
            yield False, _ACK, at, 201, _MSS  # once more
        if n % 2:
            yield True, _ACK, 201, at + _MSS, 0
    end = 1 + pieces * _MSS
    yield True, _FIN | _ACK, 201, end, 0
    yield False, _FIN | _ACK, end, 202, 0
    yield True, _ACK, 202, end + 1, 0


def write_capture(path, megabytes):
    """A pcap of Ethernet, 64 connections at a time, right checksums left to the device as on a sending host; how many packets."""
    rng, size, packets, clock, port = random.Random(7), 0, 0, 0, 1024
    living = []
    with open(path, "wb", buffering=1 << 20) as file:
        file.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        while size < megabytes * 1_000_000:
            while len(living) < 64:
                port = 1024 + (port - 1023) % 60000
                living.append((port, rng.getrandbits(24), 0x0A000001 + rng.getrandbits(12), _segments(rng, rng.choice((2, 8, 40, 400)))))
            which = rng.randrange(len(living))
            client_port, isn, client, segments = living[which]
            for _ in range(rng.randrange(1, 5)):
                segment = next(segments, None)
                if segment is None:
                    del living[which]
                    break
                up, flags, seq, ack, length = segment
                clock += rng.randrange(2_000, 60_000)
                ends, ports = (client, 0x0A640001), (client_port, 443)
                if not up:
                    ends, ports = ends[::-1], ports[::-1]
                frame = _IPV4.pack(b"\2" * 12, 0x0800, 0x45, 0, 52 + length, packets & 0xFFFF, 0x4000, 64, 6, 0, *ends)
                frame += _TCP.pack(*ports, isn + seq, isn + ack if flags & _ACK else 0, 8 << 12 | flags, 65535, 0, 0, 1, 1, 8, 10,
                                   clock // 1_000_000, clock // 1_000_000) + _DATA[:length]
                file.write(_FRAME.pack(1_700_000_000 + clock // 1_000_000_000, clock % 1_000_000_000, len(frame), len(frame)) + frame)
                packets, size = packets + 1, size + 16 + len(frame)
    return packets


def _seconds_of(words, folder):
    """Processor seconds; nothing of what it prints is kept."""
    with open(os.path.join(folder, "out"), "wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.DEVNULL, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{words[0]} has failed")
    return usage.ru_utime + usage.ru_stime


def analyze(row, o):
    kinds = {"wobble": [str(BUILD / "wobble"), "analyze"], "tcptrace": ["tcptrace", "-n", "-l", "-r", "-W"],
             "tshark": ["tshark", "-n", "-q", "-z", "conv,tcp", "-r"]}
    kinds = {name: words for name, words in kinds.items() if name == "wobble" or shutil.which(name)}
    with tempfile.TemporaryDirectory(prefix="wobble-bench-") as folder:
        path = os.path.join(folder, "long.pcap")
        packets = write_capture(path, 20 if o.quick else 200)
        figures = {name: [] for name in kinds}
        for number in range(o.rounds):
            for name, words in kinds.items():
                figures[name].append(_seconds_of(words + [path], folder))
                print(f"  round {number + 1}: {name}: {figures[name][-1]:.2f} s", file=sys.stderr, flush=True)
        size = os.path.getsize(path)
    rates = {name: packets / statistics.median(seconds) for name, seconds in figures.items()}
    row(f"wobble analyze, packets a second, {size / 1e6:.0f} MB", rates["wobble"], None, None, f"{packets} packets")
    for name, goal in (("tshark", 5), ("tcptrace", 1)):
        told = f"{rates[name]:.0f} a second" if name in rates else f"{name} is not installed"
        row(f"and times {name}'s", rates["wobble"] / rates[name] if name in rates else None, ">=", goal, told)
    return figures
