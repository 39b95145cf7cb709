"""Writes corpus/capture_fuzzer: small captures of each format, link type and story, for capture_fuzzer.cpp to grow from.

    python3 tests/fuzz/capture_corpus.py        (from anywhere; the files are kept in the repository)
"""

import pathlib
import struct

OUT = pathlib.Path(__file__).resolve().parent / "corpus" / "capture_fuzzer"
SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16


def tcp(source, destination, seq, ack, flags, payload=b"", options=b""):
    words = 5 + len(options) // 4
    return struct.pack("!HHIIHHHH", source, destination, seq, ack, words << 12 | flags, 64240, 0, 0) + options + payload


def ipv4(body, back=False, ident=1, fragment=0, protocol=6, total=None):
    addresses = [bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])]
    source, destination = reversed(addresses) if back else addresses
    total = 20 + len(body) if total is None else total
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, total, ident, fragment, 64, protocol, 0, source, destination) + body


def ipv6(body, next_header=6):
    return struct.pack("!IHBB16s16s", 6 << 28, len(body), next_header, 64, b"\xfd" + bytes(14) + b"\1",
                       b"\xfd" + bytes(14) + b"\2") + body


def story():
    """Handshake, data, a FIN each way."""
    syn = tcp(4000, 80, 100, 0, SYN, options=bytes([2, 4, 5, 180]))
    parts = [(syn, 0), (tcp(80, 4000, 500, 101, SYN | ACK), 1), (tcp(4000, 80, 101, 501, ACK), 0),
             (tcp(4000, 80, 101, 501, ACK | PSH, b"question"), 0), (tcp(80, 4000, 501, 109, ACK, b"answer"), 1),
             (tcp(4000, 80, 109, 507, FIN | ACK), 0), (tcp(80, 4000, 507, 110, FIN | ACK), 1),
             (tcp(4000, 80, 110, 508, ACK), 0)]
    return [ipv4(body, bool(back), number) for number, (body, back) in enumerate(parts, 1)]


def pcap(frames, link=101, order="<", magic=0xA1B2C3D4, snap=65535):
    out = struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, snap, link)
    for number, frame in enumerate(frames):
        out += struct.pack(order + "IIII", 1700000000, number * 1000, min(len(frame), snap), len(frame)) + frame[:snap]
    return out


def block(order, kind, body):
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def padded(data):
    return data + bytes(-len(data) % 4)


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + padded(value)


def section(order):
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order, link, options=b""):
    return block(order, 1, struct.pack(order + "HHI", link, 0, 0) + options)


def packet(order, where, at, frame, options=b""):
    return block(order, 6, struct.pack(order + "IIIII", where, at >> 32, at & 0xFFFFFFFF, len(frame), len(frame)) +
                 padded(frame) + options)


def pcapng(frames, order="<"):
    out = section(order) + interface(order, 101, option(order, 9, b"\x09")) + block(order, 0xBAD, bytes(8))
    for number, frame in enumerate(frames):
        out += packet(order, 0, number * 1000000, frame)
    simple = block(order, 3, struct.pack(order + "I", len(frames[0])) + padded(frames[0]))
    old = block(order, 2, struct.pack(order + "HHIIII", 0, 0, 0, 7, len(frames[0]), len(frames[0])) + padded(frames[0]))
    return out + simple + old


def ours(clock=b""):
    """As `wobble capture` writes: near, far, lost."""
    order = "<"
    out = section(order)
    for lane in (b"near", b"far", b"lost"):
        mark = b"wobble capture 1, " + lane + b" of link lab" + clock
        out += interface(order, 101, option(order, 9, b"\x09") + option(order, 15, mark))
    for number, frame in enumerate(story()):
        back = frame[15] == 2
        bad = ", bad checksum" if number == 5 else ""
        note = f"packet {number} arrived: duplicated{bad}; copy 0 leaves after 1.000000 ms; copy 1 dropped (queue)"
        left = f"packet {number} left: duplicated; copy 0 due after 1.000000 ms, left after 1.000500 ms"
        lost = f"packet {number} lost: duplicated; copy 0 dropped (outage) after 0.500000 ms"
        at = number * 5000000
        out += packet(order, int(back), at, frame, option(order, 1, note.encode()))
        if number == 3:
            out += packet(order, 2, at + 500000, frame, option(order, 1, lost.encode()))
        else:
            out += packet(order, int(not back), at + 1000500, frame, option(order, 1, left.encode()))
    return out


def udp(port, payload):
    return ipv4(struct.pack("!HHHH", 5555, port, 8 + len(payload), 0) + payload, protocol=17)


def tunnels(macs):
    """A packet around another, by name."""
    ethernet = macs + b"\x08\0"
    return {
        "ipip": lambda ip: ipv4(ip, protocol=4),
        "gre": lambda ip: ipv4(b"\xb0\0\x08\0" + bytes(12) + ip, protocol=47),
        "pptp": lambda ip: ipv4(b"\x30\x81\x88\x0b" + bytes(12) + b"\0\x21" + ip, protocol=47),
        "erspan2": lambda ip: ipv4(b"\x10\0\x88\xbe" + bytes(12) + ethernet + ip, protocol=47),
        "erspan3": lambda ip: ipv4(b"\x10\0\x22\xeb" + bytes(4) + bytes(11) + b"\1" + bytes(8) + ethernet + ip, protocol=47),
        "vxlan": lambda ip: udp(4789, b"\x08" + bytes(7) + ethernet + ip),
        "geneve": lambda ip: udp(6081, b"\1\0\x65\x58" + bytes(8) + ethernet + ip),
        "gtp": lambda ip: udp(2152, b"\x34\xff\0\x64" + bytes(7) + b"\x85\1\0\0\0" + ip),
    }


def more_links(macs):
    """{name: (link type, what stands before the packet)}"""
    snap, data = b"\xaa\xaa\3\0\0\0\x08\0", b"\x08\1\0\0" + bytes(20)
    quality = b"\x88\2\0\0" + bytes(20) + b"\5\0"
    return {
        "mpls": (1, macs + b"\x88\x47\0\1\0\x40\0\2\1\x3f"), "sgt": (1, macs + b"\x89\x09\1\1\0\1\0\x4d\x08\0"),
        "ppp": (9, b"\xff\3\0\x21"), "ppp_short": (50, b"\x21"), "pppoe_link": (51, b"\x11\0\0\1\0\x64\0\x21"),
        "hdlc": (104, b"\x0f\0\x08\0"), "ppp_direction": (204, b"\1\xff\3\0\x21"), "wifi": (105, data + snap),
        "radiotap": (127, b"\0\0\x11\0\3\0\0\0" + bytes(8) + b"\x20" + quality + b"\0\0" + snap),
        "prism": (119, b"\x44\0\0\0\x90\0\0\0" + bytes(136) + data + snap),
        "avs": (163, b"\x80\x21\x10\1\0\0\0\x40" + bytes(56) + data + snap), "ppi": (192, b"\0\0\x08\0\x69\0\0\0" + data + snap),
        "nflog": (239, b"\2\0\0\5\5\0\x0a\0x\0\0\0\x34\0\x09\0"),
    }


def stepped(frames):
    """The clock goes back in the middle, and one frame is late."""
    out = pcap(frames[:4])
    for number, frame in enumerate(frames[4:]):
        out += struct.pack("<IIII", 1699999000, number * 1000 if number != 2 else 0, len(frame), len(frame)) + frame
    return out


def unpadded(frames):
    out = section("<") + interface("<", 101)
    for frame in frames:
        body = struct.pack("<IIIII", 0, 0, 7, len(frame) - 1, len(frame)) + frame[:-1]
        out += block("<", 6, body)
    return out


def main():
    frames = story()
    macs = bytes(12)
    body = tcp(4000, 80, 101, 501, FIN | ACK, b"x" * 60)
    six = [ipv6(tcp(4000, 80, 1, 0, SYN)), ipv6(bytes([44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 9]) + body[:40], 0),
           ipv6(bytes([44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 40, 0, 0, 0, 9]) + body[40:], 0)]
    files = {
        "pcap_raw": (2, pcap(frames)),
        "pcap_big_ns": (2, pcap(frames, order=">", magic=0xA1B23C4D)),
        "pcap_snapped": (0, pcap(frames, snap=40)),
        "pcap_ethernet_qinq": (1, pcap([macs + b"\x88\xa8\0\1\x81\0\0\2\x08\0" + f for f in frames], link=1)),
        "pcap_cooked": (2, pcap([bytes(14) + b"\x08\0" + f for f in frames], link=113)),
        "pcap_cooked2": (2, pcap([b"\x08\0" + bytes(18) + f for f in frames], link=276)),
        "pcap_null": (1, pcap([b"\2\0\0\0" + f for f in frames], link=0)),
        "pcap_fragments": (1, pcap(frames[:4] + [ipv4(body[40:], ident=9, fragment=5), ipv4(body[:40], ident=9, fragment=0x2000)])),
        "pcap_ipv6": (1, pcap(six)),
        "pcap_super": (1, pcap([ipv4(tcp(4000, 80, 1, 1, ACK, bytes(2000)), total=0)])),
        "pcap_doubled": (2, pcap([f for f in frames for _ in (1, 2)])),
        "pcap_cut": (2, pcap(frames)[:-3]),
        "pcapng": (2, pcapng(frames)),
        "pcapng_big": (2, pcapng(frames, ">")),
        "pcapng_two_sections": (2, pcapng(frames) + pcapng(frames, ">")),
        "pcapng_ours": (1, ours()),
        "pcapng_ours_clock": (1, ours() + ours(b", clock set by -3600000000000 ns")),
        "pcap_unreachable": (1, pcap([frames[0], ipv4(bytes([3, 1]) + bytes(6) + frames[0], True, protocol=1)])),
        "no_capture": (0, b"hello"),
        "pcap_clock_step": (1, stepped(frames)),
        "pcapng_unpadded": (1, unpadded(frames)),
    }
    files |= {f"pcap_in_{name}": (1, pcap([around(f) for f in frames])) for name, around in tunnels(macs).items()}
    files |= {f"pcap_{name}": (1, pcap([head + f for f in frames], link=link)) for name, (link, head) in more_links(macs).items()}
    OUT.mkdir(parents=True, exist_ok=True)
    for name, (mode, data) in files.items():
        (OUT / name).write_bytes(bytes([mode]) + data)
    print(f"{len(files)} files in {OUT}")


if __name__ == "__main__":
    main()
