"""Others who read captures agree with `wobble analyze`: random conversations (loss before and behind the point of capture,
reordering before it, duplication, resets, captures that begin late or end early, packets cut to 54 bytes and more, one
direction only) are read by it, by tshark and by tcptrace.

Connections, packets, bytes, FINs and RSTs must be equal, and retransmissions within 1 %. What a judge means to count otherwise
is known, and taken into account, so that what remains is a mistake of somebody's:

    who         counts otherwise                                                              here
    wobble      `closes` has the first FIN of a side, each judge every one                     FINs are compared as sides that closed
    tcptrace    repeated is what it saw twice; not what was lost before the capture            the generator adds those
    tshark      what comes again within 3 ms or a round trip is out of order, not repeated     of copies made by the network both count
    tshark      a SYN without payload that comes again is none                                 here it is one
    wobble      a single byte below the next is a keep-alive, not payload (RFC 1122 4.2.3.6)   no payload of one byte is made

    python3 tests/capture/judges.py WOBBLE        WOBBLE_JUDGES=N: captures (24)"""

import csv
import io
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

SKIPPED = 77
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CAPTURES = int(os.environ.get("WOBBLE_JUDGES", "24"))
SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16
MILLISECOND = 1_000_000


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Side:
    """One endpoint: what it has sent and received, and what it is owed."""

    def __init__(self, address, port, isn):
        self.address, self.port, self.isn = address, port, isn
        self.next, self.received, self.ident = isn, 0, 1


class Conversation:
    """A client and a server that speak TCP, with a point of capture between them. `seen` is what passes it: [(time, frame, whether
    the client has sent it, where it ends, whether it repeats what was lost before the capture)]."""

    def __init__(self, rng, number, start, style):
        self.rng, self.style, self.clock = rng, style, start
        self.client = Side(0x0A010000 + number, 20000 + rng.randrange(20000), rng.getrandbits(32))
        self.server = Side(0x0A020001, 80, rng.getrandbits(32))
        self.seen, self.lost_before = [], set()
        self.run()

    def wait(self, low=1.0, high=20.0):
        self.clock += int(self.rng.uniform(low, high) * MILLISECOND)

    def emit(self, up, flags, seq, ack, length=0, before=False):
        """A segment passes the point of capture, unless it is lost `before` it."""
        side, peer = (self.client, self.server) if up else (self.server, self.client)
        options = b"\2\4\5\xb4\1\3\3\7" if flags & SYN else b""
        payload = bytes((seq + i) & 0xFF for i in range(length))
        tcp = struct.pack("!HHIIHHHH", side.port, peer.port, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF if flags & ACK else 0,
                          (5 + len(options) // 4) << 12 | flags, 64240 if flags & SYN else 501, 0, 0) + options + payload
        pseudo = struct.pack("!IIBBH", side.address, peer.address, 0, 6, len(tcp))
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
        ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(tcp), side.ident & 0xFFFF, 0x4000, 64, 6, 0, side.address, peer.address)
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        side.ident += 1
        if before:
            self.lost_before.add((up, seq))
            return
        late = int(self.rng.uniform(0.3, 1.5) * MILLISECOND) if length and self.rng.random() < self.style["reorder"] else 0
        mends = bool(length) and (up, seq) in self.lost_before
        self.lost_before.discard((up, seq))
        self.seen.append((self.clock + late, b"\2" * 12 + b"\x08\0" + ip + tcp, up, seq - side.isn + length, mends))

    def send(self, up, lengths):
        """Data in flight together, acknowledged; what is lost is sent again after a time-out."""
        side, peer = (self.client, self.server) if up else (self.server, self.client)
        lost = []
        for length in lengths:
            fate = self.rng.random()
            loss = self.style["loss"]
            self.emit(up, ACK | PSH, side.next, peer.next, length, before=fate < loss / 2)
            if fate < loss:
                lost.append((side.next, length))
            side.next += length
            self.wait(0.02, 0.3)
            if not lost and self.rng.random() < 0.7:
                self.wait(2, 6)
                self.emit(not up, ACK, peer.next, side.next)
                self.wait(0.2, 1)
        for seq, length in lost:  # one after the other, as a time-out repeats them
            self.wait(0.5, 2)
            self.emit(not up, ACK, peer.next, seq)
            self.wait(250, 400)
            self.emit(up, ACK | PSH, seq, peer.next, length)
        self.wait(2, 6)
        self.emit(not up, ACK, peer.next, side.next)

    def run(self):
        c, s, rng = self.client, self.server, self.rng
        self.emit(True, SYN, c.next, 0)
        c.next += 1
        if rng.random() < self.style["refused"]:
            self.wait()
            return self.emit(False, RST | ACK, 0, c.next)
        if rng.random() < self.style["loss"]:
            self.wait(1000, 1001)
            self.emit(True, SYN, c.next - 1, 0)
        self.wait()
        self.emit(False, SYN | ACK, s.next, c.next)
        s.next += 1
        self.wait()
        self.emit(True, ACK, c.next, s.next)
        for _ in range(rng.randrange(1, 5)):
            self.wait()
            self.send(rng.random() < 0.5, [rng.choice((2, 100, 700, 1400)) for _ in range(rng.randrange(1, 8))])
        self.wait(5, 30)
        ending = rng.random()
        first = rng.random() < 0.5
        one, other = (c, s) if first else (s, c)
        if ending < self.style["reset"]:
            return self.emit(first, RST | ACK, one.next, other.next)
        if ending < self.style["reset"] + 0.1:
            return None  # left open
        self.emit(first, FIN | ACK, one.next, other.next)
        one.next += 1
        self.wait()
        if rng.random() < 0.5:
            self.emit(not first, ACK, other.next, one.next)
            self.wait()
        self.emit(not first, FIN | ACK, other.next, one.next)
        other.next += 1
        self.wait()
        return self.emit(first, ACK, one.next, other.next)


class Capture:
    """Many conversations in one file, and what is known of each of its frames."""

    def __init__(self, rng, path):
        self.style = {"loss": rng.choice((0, 0.02, 0.1)), "reset": rng.choice((0, 0.2)), "refused": rng.choice((0, 0.1)),
                      "duplicate": rng.choice((0, 0, 0.03)), "reorder": rng.choice((0, 0, 0.05)),
                      "cut": rng.choice(("none", "none", "begin", "end", "one side")),
                      "snap": rng.choice((54, 60, 68, 96, 200, 65535, 65535))}
        frames = []
        for number in range(40):
            begin = (1_700_000_000_000 + rng.randrange(5000)) * MILLISECOND
            frames += [(*seen, number, False) for seen in Conversation(rng, number, begin, self.style).seen]
        frames.sort(key=lambda frame: frame[0])
        cut = self.style["cut"]
        if cut == "begin":
            frames = frames[len(frames) // 4:]
        if cut == "end":
            frames = frames[:len(frames) * 3 // 4]
        if cut == "one side":
            frames = [frame for frame in frames if frame[2]]
        # The network's copies come later than a second view does.
        frames += [(at + 3 * MILLISECOND, frame, up, end, False, number, True) for at, frame, up, end, _, number, _ in frames
                   if rng.random() < self.style["duplicate"]]
        frames.sort(key=lambda frame: frame[0])
        self.copies = {number for number, frame in enumerate(frames, 1) if frame[6]}
        self.mended, highest = 0, {}
        for _, _, up, end, mends, number, _ in frames:
            before = highest.get((up, number), 0)
            self.mended += mends and end <= before
            highest[up, number] = max(before, end)
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, self.style["snap"], 1))
            for at, frame, *_ in frames:
                kept = frame[:self.style["snap"]]
                file.write(struct.pack("<IIII", at // 1_000_000_000, at % 1_000_000_000, len(kept), len(frame)) + kept)


FIGURES = ("packets", "bytes", "fins", "rsts", "retransmissions")


def empty():
    return dict.fromkeys(FIGURES, 0)


# Each of the following: {both ends, sorted: [{sender: figures}, one for each connection]}.


def by_wobble(wobble, path):
    done = subprocess.run([wobble, "analyze", "--json", path], capture_output=True, text=True, check=True)
    document, found = json.loads(done.stdout), {}
    for connection in document["connections"]:
        ends = {name: (connection[name]["address"], connection[name]["port"]) for name in ("client", "server")}
        sides = found.setdefault(tuple(sorted(ends.values())), [])
        figures = {}
        for name, end in ends.items():
            side = connection[name]
            figures[end] = {"packets": side["packets_sent"], "bytes": side["payload_bytes"], "retransmissions": side["retransmissions"],
                            "fins": 0, "rsts": 0}
        for close in connection["closes"]:
            figures[ends[close["side"]]]["fins" if close["kind"] == "fin" else "rsts"] += 1
        sides.append(figures)
    return found


def by_tshark(path, copies):
    fields = ("frame.number", "tcp.stream", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tcp.len", "tcp.flags",
              "tcp.analysis.out_of_order", "tcp.analysis.retransmission", "tcp.analysis.fast_retransmission",
              "tcp.analysis.spurious_retransmission")
    words = ["tshark", "-n", "-r", path, "-T", "fields", *(word for field in fields for word in ("-e", field))]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    streams, opened = {}, set()
    for line in lines:
        number, stream, source, sport, destination, dport, length, flags, late, *again = line.split("\t")
        sender, receiver = (source, int(sport)), (destination, int(dport))
        mine = streams.setdefault(stream, {sender: empty(), receiver: empty()})[sender]
        flags = int(flags, 16)
        mine["packets"] += 1
        mine["bytes"] += int(length)
        mine["fins"] = mine["fins"] or flags & FIN
        mine["rsts"] += bool(flags & RST)
        repeats_syn = flags & SYN and (stream, sender) in opened
        mine["retransmissions"] += any(again) or bool(repeats_syn) or (bool(late) and int(number) in copies)
        if flags & SYN:
            opened.add((stream, sender))
    found = {}
    for figures in streams.values():
        found.setdefault(tuple(sorted(figures)), []).append(figures)
    return found


def by_tcptrace(path):
    done = subprocess.run(["tcptrace", "-n", "-l", "-r", "-W", "--csv", path], capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("#")]
    found = {}
    for row in csv.DictReader(io.StringIO("\n".join(lines)), skipinitialspace=True):
        row = {key: value.strip() for key, value in row.items() if key and value is not None}
        ends = {"a": (row["host_a"], int(row["port_a"])), "b": (row["host_b"], int(row["port_b"]))}
        figures = {}
        for name, other in (("a", "b"), ("b", "a")):
            of = lambda what, way=f"{name}2{other}": row[f"{what}_{way}"]
            fins = int(of("SYN/FIN_pkts_sent").split("/")[1])
            figures[ends[name]] = {"packets": int(of("total_packets")), "bytes": int(of("actual_data_bytes")), "fins": min(fins, 1),
                                   "rsts": int(of("resets_sent")), "retransmissions": int(of("rexmt_data_pkts"))}
        found.setdefault(tuple(sorted(ends.values())), []).append(figures)
    return found


def differences(ours, theirs):
    """Every figure but retransmissions that is not the same, in words."""
    out = []
    for ends in sorted(set(ours) | set(theirs)):
        mine, other = ours.get(ends, []), theirs.get(ends, [])
        if len(mine) != len(other):
            out.append(f"{ends}: {len(mine)} connections, {len(other)}")
            continue
        for a, b in zip(mine, other):
            out += [f"{sender} {figure}: {a[sender][figure]}, {b[sender][figure]}" for sender in ends for figure in FIGURES[:-1]
                    if a[sender][figure] != b[sender][figure]]
    return out


def retransmissions(found):
    return sum(figures["retransmissions"] for list_ in found.values() for sides in list_ for figures in sides.values())


def main():
    judges = [name for name in ("tshark", "tcptrace") if shutil.which(name)]
    if not judges:
        print("skipped: neither tshark nor tcptrace is installed (Debian packages of these names)")
        return SKIPPED
    wrong, ours, theirs = 0, 0, dict.fromkeys(judges, 0)
    with tempfile.TemporaryDirectory(prefix="wobble-judges-") as folder:
        path = os.path.join(folder, "random.pcap")
        for seed in range(CAPTURES):
            capture = Capture(random.Random(seed), path)
            mine = by_wobble(sys.argv[1], path)
            ours += retransmissions(mine)
            for judge in judges:
                found = by_tshark(path, capture.copies) if judge == "tshark" else by_tcptrace(path)
                theirs[judge] += retransmissions(found) + (capture.mended if judge == "tcptrace" else 0)
                for line in differences(mine, found):
                    wrong += 1
                    print(f"seed {seed} ({capture.style}): {line} by {judge}")
    for judge, count in theirs.items():
        share = abs(ours - count) / max(count, 1)
        print(f"{CAPTURES} captures: {ours} retransmissions, {count} by {judge}: {100 * share:.2f} % apart")
        wrong += share > 0.01 or ours < CAPTURES
    for absent in {"tshark", "tcptrace"} - set(judges):
        print(f"not judged by {absent}: it is not installed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
