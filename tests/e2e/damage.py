"""Segments with a wrong checksum, sent beside the true ones: what a broken device on the way would make of them."""

import select
import socket
import struct
import threading

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_ETH_P_ALL = 3
_TTL = 77  # of ours, by which they are told from those that they are made after


def _sum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) // 2 * 2])) + (data[-1] << 8 if len(data) % 2 else 0)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def damaged(source, destination, ports, seq, ack, flags, payload=b""):
    """An IPv4 packet whose TCP checksum is wrong, and is not the sum that is left to a device either."""
    header = struct.pack("!HHIIHHHH", *ports, seq % 2**32, ack, 5 << 12 | flags, 65535, 0, 0)
    pseudo = _sum(source + destination + struct.pack("!HH", socket.IPPROTO_TCP, len(header) + len(payload)))
    right = ~_sum(struct.pack("!H", pseudo) + header + payload) & 0xFFFF
    wrong = next(right ^ bits for bits in (0x0101, 0x1010) if right ^ bits != pseudo)
    header = header[:16] + struct.pack("!H", wrong) + header[18:]
    length = 20 + len(header) + len(payload)
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 0, 0, _TTL, socket.IPPROTO_TCP, 0, source, destination) + header + payload


class Damager:
    """As long as it lives, each IPv4 segment of `port` that leaves a namespace is followed by others, with wrong checksums,
    that would end, restart or feed its connection."""

    def __init__(self, namespace, port):
        self.port, self.sent = port, 0
        self.sender = namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.listener = namespace.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.listener.bind((namespace.device, _ETH_P_ALL))
        self.wake, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def send(self, source, destination, ports, seq, ack, flags, payload=b""):
        packet = damaged(source, destination, ports, seq, ack, flags, payload)
        self.sender.sendto(packet, (socket.inet_ntoa(destination), 0))
        self.sent += 1

    def _run(self):
        while True:
            ready, _, _ = select.select([self.listener, self.woken], [], [])
            if self.listener in ready:
                packet, address = self.listener.recvfrom(65536)
                if address[2] == socket.PACKET_OUTGOING:
                    self._follow(packet)
            else:
                return  # told to stop, and nothing is left to be followed

    def _follow(self, packet):
        if packet[0] != 0x45 or packet[8] == _TTL or packet[9] != socket.IPPROTO_TCP:
            return
        source, destination = packet[12:16], packet[16:20]
        *ports, seq, ack, flags = struct.unpack("!HHIIH", packet[20:34])
        flags &= 0x3F
        if self.port not in ports:
            return
        if flags & SYN:
            others = [(seq + 100_000, flags), (seq + 1, RST | ACK)]
        else:
            others = [(seq, FIN | ACK), (seq, RST), (seq + 1, ACK | PSH)]
        for number, its_flags in others:
            self.send(source, destination, ports, number, ack, its_flags, b"x" * 100 if its_flags & PSH else b"")

    def stop(self):
        """When all that was seen is followed; how many were sent."""
        if self.thread.is_alive():
            self.wake.send(b"x")
            self.thread.join(10)
        for sock in (self.sender, self.listener, self.wake, self.woken):
            sock.close()
        return self.sent

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
