"""What the zoo's hosts are made of: namespaces with servers, and the wires between them."""

import os
import selectors
import socket
import struct
import threading

import harness
import ways

PORT = 80
SINK = 90
_IP_PKTINFO = 8  # linux/in.h


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Host(ways.Netns):
    """A namespace with servers: each TCP connection is answered with the address that it seems to come from and
    how large the segments to it may be, then closed; each datagram with the address it seems to come from and its length."""

    def __init__(self, role):
        super().__init__()
        self.role = role
        self.inside = harness.Namespace(f"/run/netns/{self.name}", [], None)
        self.servers = []

    def ip(self, *lines):
        """Lines for ip(8), each as it would be typed behind `ip`."""
        for family in ("-4", "-6"):
            batch = [line[len(family) + 1:] if line[:2] == family else line for line in lines
                     if line[:2] == family or (line[:1] != "-" and family == "-4")]
            if batch:
                self.run("ip", family, "-batch", "-", input="\n".join(batch) + "\n")

    def sysctl(self, *settings):
        self.run("sysctl", "-qw", *settings)

    def iptables(self, *lines):
        """Each for IPv4 and IPv6, as it would be typed behind `iptables`; behind -4 or -6: for that one only."""
        for line in lines:
            if not line.startswith("-6 "):
                self.run("iptables", "-w", *line.removeprefix("-4 ").split())
            if not line.startswith("-4 "):
                self.run("ip6tables", "-w", *line.removeprefix("-6 ").split())

    def nft(self, ruleset):
        self.run("nft", "-f", "-", input=ruleset)

    def listen(self, port=PORT, device=None):
        self.servers.append(Server(self, port, device))

    def sink(self):
        self.servers.append(Sink(self))

    def close(self):
        for server in self.servers:
            server.close()
        super().close()


class Here(Host):
    """The namespace that the daemon and this program are in."""

    def __init__(self):  # nothing is made: it is there
        self.name, self.role, self.processes, self.servers = str(os.getpid()), "here", [], []
        self.quiet()
        self.descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.inside = harness.Namespace(f"/proc/self/fd/{self.descriptor}", [], None)

    def command(self, *words):
        return list(words)

    def close(self):
        for server in self.servers:
            server.close()
        os.close(self.descriptor)


def cable(a, a_name, b, b_name, number, addresses_at_a=True):
    """A veth between two hosts: 10.N.0.2 and fd0N::2 at `a`, 10.N.0.1 and fd0N::1 at `b` (above 99: fc00::2, fc01::2 ...)."""
    prefix = f"fd{number:02}" if number < 100 else f"fc{number - 100:02}"
    ways.run("ip", "link", "add", a_name, "netns", a.name, "type", "veth", "peer", b_name, "netns", b.name)
    for host, name, last in ((a, a_name, 2), (b, b_name, 1))[0 if addresses_at_a else 1:]:
        host.ip(f"link set {name} up", f"addr add 10.{number}.0.{last}/24 dev {name}",
                f"-6 addr add {prefix}::{last}/64 dev {name} nodad",
                f"-6 addr add fe80::{number}:{last}/64 dev {name} nodad")


class Server:
    """TCP and UDP on a port, IPv4 and IPv6, in a thread."""

    def __init__(self, host, port, device):
        self.selector = selectors.DefaultSelector()
        self.sockets = []
        for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with host.inside.entered():
                    s = socket.socket(family, kind)
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if device:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
                if kind == socket.SOCK_DGRAM:  # the answer leaves with the address that was asked
                    level, option = ((socket.IPPROTO_IP, _IP_PKTINFO) if family == socket.AF_INET else
                                     (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO))
                    s.setsockopt(level, option, 1)
                s.bind((any_address, port))
                if kind == socket.SOCK_STREAM:
                    s.listen(128)
                s.setblocking(False)
                self.selector.register(s, selectors.EVENT_READ, kind)
                self.sockets.append(s)
        self.ended, self.end = os.pipe()
        self.selector.register(self.ended, selectors.EVENT_READ, None)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    return
                try:
                    self._answer(key.fileobj, key.data)
                except OSError:
                    pass  # the one who asked has gone, or nothing leads to it

    @staticmethod
    def _answer(s, kind):
        if kind == socket.SOCK_STREAM:
            peer, address = s.accept()
            with peer:
                peer.sendall(f"{address[0]} {peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)}".encode())
            return
        data, control, _, address = s.recvmsg(65536, 256)
        answer = [f"{address[0].split('%')[0]} {len(data)}".encode()]
        kept = []
        for level, option, value in control:
            if level == socket.IPPROTO_IP:  # in_pktinfo: no interface, the local address as source
                value = struct.pack("=i", 0) + value[4:8] + value[4:8]
                if value[4] >= 224 or value[4:8] == b"\xff" * 4:
                    continue
            elif value[0] == 0xff:
                continue
            kept.append((level, option, value))
        s.sendmsg(answer, kept, 0, address)

    def close(self):
        os.write(self.end, b"x")
        self.thread.join(10)
        for s in self.sockets:
            s.close()
        self.selector.close()
        os.close(self.ended)
        os.close(self.end)


class Sink:
    """TCP on port SINK, IPv4 and IPv6: takes all that comes and answers with how much it was, in a thread."""

    def __init__(self, host):
        with host.inside.entered():
            self.socket = socket.socket(socket.AF_INET6)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("::", SINK))
        self.socket.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with peer:
                count = 0
                try:
                    while data := peer.recv(65536):
                        count += len(data)
                    peer.sendall(str(count).encode())
                except OSError:
                    pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.socket.close()
