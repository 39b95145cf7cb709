"""wobble replay gives the same bytes everywhere: a capture and conditions with every kind of chance in them, and the
SHA-256 of what comes out, which is the same whatever compiled it, on whatever machine.

replay_digests.py WOBBLE...    each of these programs must give them
replay_digests.py --write WOBBLE    says what they are, after a change that means to change them
"""

import gzip
import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

DIGESTS = pathlib.Path(__file__).with_suffix(".json")
ALL_BUT_LOSS = {
    "duplicate": {"percent": "3%", "correlation": "30%"},
    "corrupt": {"percent": "2%", "bits": 3, "correlation": "20%"},
    "delay": {"time": "30ms", "jitter": "8ms", "distribution": "normal", "correlation": "25%"},
}
CASES = {
    "random": {"up": {**ALL_BUT_LOSS, "loss": {"random": "5%", "correlation": "25%"}}, "down": {"loss": "3%", "delay": {"time": "5ms", "jitter": "5ms"}}},
    "burst": {"both": {**ALL_BUT_LOSS, "loss": {"burst": {"percent": "5%", "length": "3.5packets"}, "per": "connection"},
                       "delay": {"time": "9ms", "jitter": "4ms", "distribution": "pareto", "correlation": "40%", "per": "connection"}}},
    "gilbert-elliott": {"both": {"loss": {"gilbert_elliott": {"p": "2%", "r": "20%", "1-h": "70%", "1-k": "1%"}},
                                 "corrupt": {"percent": "3%", "fix_checksum": True},
                                 "delay": {"time": "20ms", "jitter": "9ms", "distribution": "paretonormal", "reorder": True}}},
    "markov": {"both": {"loss": {"markov": {"p13": "2%", "p31": "30%", "p32": "10%", "p23": "40%", "p14": "1%"}, "after_rate": True},
                        "rate": {"rate": "2mbit", "burst": "8kB", "overhead": "14B", "cell": {"size": "48B", "overhead": "5B"}}}},
    "counted": {"up": {"loss": {"every": 7}}, "down": {"loss": {"pattern": "....x..xx"}}},
    "reorder": {"up": {"reorder": {"percent": "20%", "by": "3packets", "correlation": "30%"}},
                "down": {"reorder": {"percent": "30%", "by": "2ms", "gap": 4}, "loss": {"list": [3, 5, 8, 13]}}},
    "codel": {"both": {"rate": "4mbit", "queue": {"discipline": "codel", "limit": "60packets", "target": "5ms", "interval": "40ms", "ecn": True}}},
    "pie": {"both": {"rate": "4mbit", "queue": {"discipline": "pie", "limit": "200packets", "max_burst": "10ms"}}},
    "red": {"both": {"rate": "4mbit", "queue": {"discipline": "red", "limit": "60kB", "ecn": True}}},
    "fq_codel": {"both": {"rate": "4mbit", "queue": {"discipline": "fq_codel", "flows": 8, "quantum": "300B"}}},
    "drophead": {"both": {"trace": {"ms": [1, 4, 4, 9, 20]}, "queue": {"discipline": "drophead", "limit": "20ms"}, "slot": {"min": "1ms", "max": "7ms", "packets": 5}}},
    "middlebox": {"both": {"mtu": "400B", "idle_timeout": {"time": "300ms", "then": "reset"},
                           "outage": {"up_for": "1300ms", "down_for": "90ms", "drop_in_flight": True}, "delay": "25ms"}},
}


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(is_v6, protocol, source, destination, transport, sum_at, ecn):
    """An IP packet from host `source` to host `destination`, its checksums right."""
    if is_v6:
        addresses = b"".join(b"\xfd\x77" + bytes(13) + bytes([host]) for host in (source, destination))
        header = struct.pack("!IHBB", 6 << 28 | ecn << 20, len(transport), protocol, 64) + addresses
        pseudo = addresses + struct.pack("!IHBB", len(transport), 0, 0, protocol)
    else:
        addresses = bytes([10, 77, 0, source, 10, 77, 1, destination])
        header = struct.pack("!BBHHHBBH", 0x45, ecn, 20 + len(transport), 7, 0, 64, protocol, 0) + addresses
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
        pseudo = addresses + struct.pack("!BBH", 0, protocol, len(transport))
    value = checksum(pseudo + transport)
    return header + transport[:sum_at] + struct.pack("!H", value or 0xFFFF) + transport[sum_at + 2:]


def tcp(ports, seq, ack, flags, payload=b""):
    return struct.pack("!HHIIHHHH", *ports, seq, ack, 5 << 12 | flags, 64240, 0, 0) + payload


def conversation(n):
    """(microseconds, packet) of a client that sends some requests and reads long answers; every third one is UDP."""
    is_v6, is_tcp = n % 2 == 1, n % 3 != 0
    client, server, ecn = 1 + n % 5, 9, n % 4
    at = n * 37_411
    up, down = (20_000 + n, 80), (80, 20_000 + n)
    body = bytes(range(256)) * 5
    if not is_tcp:
        for i in range(12):
            ports, size = (up, 40 + 13 * i) if i % 3 == 0 else (down, 900)
            hosts = (client, server) if i % 3 == 0 else (server, client)
            yield at, packet(is_v6, 17, *hosts, struct.pack("!HHHH", *ports, 8 + size, 0) + body[:size], 6, ecn)
            at += 4_003 if i != 8 else 450_007  # silent for longer than a firewall has patience
        return
    mine, theirs = 1000, 5000
    yield at, packet(is_v6, 6, client, server, tcp(up, mine, 0, 2), 16, 0)
    yield at + 900, packet(is_v6, 6, server, client, tcp(down, theirs, mine + 1, 0x12), 16, 0)
    mine, theirs, at = mine + 1, theirs + 1, at + 1_100
    yield at, packet(is_v6, 6, client, server, tcp(up, mine, theirs, 0x10), 16, 0)
    for i in range(4):
        yield at + 10, packet(is_v6, 6, client, server, tcp(up, mine, theirs, 0x18, body[:100 + 7 * i]), 16, ecn)
        mine += 100 + 7 * i
        for k in range(6):
            at += 211
            yield at, packet(is_v6, 6, server, client, tcp(down, theirs, mine, 0x10, body[:1280 if k < 5 else 77]), 16, ecn)
            theirs += 1280 if k < 5 else 77
        at += 1_500
        yield at, packet(is_v6, 6, client, server, tcp(up, mine, theirs, 0x10), 16, 0)
        at += 20_000 if i != 2 else 380_000
    yield at, packet(is_v6, 6, client, server, tcp(up, mine, theirs, 0x11), 16, 0)
    yield at + 700, packet(is_v6, 6, server, client, tcp(down, theirs, mine + 1, 0x11), 16, 0)
    yield at + 900, packet(is_v6, 6, client, server, tcp(up, mine + 1, theirs + 1, 0x10), 16, 0)


def capture():
    """A classic pcap of raw IP (link type 101)."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    for at, data in sorted((one for n in range(90) for one in conversation(n)), key=lambda one: one[0]):
        out += struct.pack("<IIII", 1_700_000_000 + at // 1_000_000, at % 1_000_000, len(data), len(data)) + data
    return out


def digests(program, folder):
    given = folder / "in.pcap.gz"
    content = capture()
    given.write_bytes(gzip.compress(content, mtime=0))
    found = {"the capture itself": hashlib.sha256(content).hexdigest()}
    for name, profile in CASES.items():
        for suffix in ("pcap", "pcapng"):
            out = folder / f"out.{suffix}"
            subprocess.run([program, "replay", given, "--profile", json.dumps(profile), "--seed", "20260101", "-o", out],
                           check=True, stdout=subprocess.DEVNULL, timeout=120)
            data = out.read_bytes()
            if suffix == "pcapng":
                data = data[struct.unpack_from("<I", data, 4)[0]:]  # without its first block, which names the version
            found[f"{name}.{suffix}"] = hashlib.sha256(data).hexdigest()
    return found


def main(arguments):
    write = arguments[:1] == ["--write"]
    programs = arguments[1:] if write else arguments
    if not programs:
        sys.exit(__doc__)
    wrong = 0
    for program in dict.fromkeys(str(pathlib.Path(p).resolve()) for p in programs):
        with tempfile.TemporaryDirectory(prefix="wobble-digests-") as folder:
            found = digests(program, pathlib.Path(folder))
        if write:
            DIGESTS.write_text(json.dumps(found, indent=1) + "\n")
        expected = json.loads(DIGESTS.read_text())
        for name in sorted(found.keys() | expected.keys()):
            if found.get(name) != expected.get(name):
                print(f"{program}: {name}: {found.get(name)} instead of {expected.get(name)}")
                wrong += 1
        print(f"{program}: {len(found)} digests looked at")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
