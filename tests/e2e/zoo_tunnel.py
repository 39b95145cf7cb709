"""A tunnel as a VPN has it: a TUN device, which has no Ethernet header, at two hosts; what goes in comes out of the other,
in UDP datagrams with a firewall mark, as WireGuard's are."""

import fcntl
import os
import selectors
import socket
import struct
import threading

PORT = 51820
MARK = 51820  # wg-quick takes the port's number
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x1, 0x1000
_SO_MARK = 36


class Tunnel:
    """wg0 at both hosts, between `outer`, an IPv4 address of each; addresses 10.9.0.1, fd09::1 at the first."""

    def __init__(self, hosts, outer):
        self.selector = selectors.DefaultSelector()
        self.files = []
        for number, host in enumerate(hosts):
            self._end(host, number + 1, outer[number], outer[1 - number])
        self.ended, self.end = os.pipe()
        self.selector.register(self.ended, selectors.EVENT_READ, None)
        self.thread = threading.Thread(target=self._carry, daemon=True)
        self.thread.start()

    def _end(self, host, number, own, other):
        with host.inside.entered():
            device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"wg0", _IFF_TUN | _IFF_NO_PI))
            outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        outside.setsockopt(socket.SOL_SOCKET, _SO_MARK, MARK)
        outside.bind((own, PORT))
        outside.connect((other, PORT))
        outside.setblocking(False)
        host.ip("link set wg0 up mtu 1420", f"addr add 10.9.0.{number}/24 dev wg0",
                f"-6 addr add fd09::{number}/64 dev wg0 nodad")
        self.selector.register(device, selectors.EVENT_READ, lambda: outside.send(os.read(device, 65536)))
        self.selector.register(outside, selectors.EVENT_READ, lambda: os.write(device, outside.recv(65536)))
        self.files += [device, outside]

    def _carry(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    return
                try:
                    key.data()
                except OSError:
                    pass  # as any network does: what cannot be carried is lost

    def close(self):
        os.write(self.end, b"x")
        self.thread.join(10)
        for file in self.files:
            os.close(file) if isinstance(file, int) else file.close()
        self.selector.close()
        os.close(self.ended)
        os.close(self.end)
