"""Sockets bound to a device, and packets for many: multicast and broadcast."""

import socket
import struct
import time

import zoo

ETH_P_ALL, PACKET_OUTGOING = 0x0003, 4  # linux/if_ether.h, linux/if_packet.h
GROUP4, GROUP6 = "239.1.2.3", "ff15::1:2"
LINK_LOCAL4 = "224.0.0.251"
FOR_MANY = ["224.0.0.0/4", "255.255.255.255", "10.1.0.255", "ff00::/8"]


class Bound(zoo.Zoo):
    def test_clients(self):
        """As curl --interface, ping -I and qBittorrent are."""
        app, _, _ = self.street()
        probes = [kind(app, address, device="eth0") for kind in (zoo.Tcp, zoo.Udp, zoo.Ping)
                  for address in ("10.2.0.2", "fd02::2")]
        found = self.check(app, probes)
        self.assertEqual(["answer to 10.1.0.2"], found["app tcp 10.2.0.2 80 eth0"])

    def test_servers(self):
        """As haproxy's `bind ... interface eth0`."""
        app, _, server = self.street()
        app.listen(zoo.PORT, "eth0")
        found = self.check(app, [kind(server, address) for kind in (zoo.Tcp, zoo.Udp) for address in ("10.1.0.2", "fd01::2")])
        self.assertEqual(["answer to 10.2.0.2"], found["server tcp 10.1.0.2 80"])


class Overheard:
    """How often packet sockets (as tcpdump's) at a device hear one datagram: (arriving, leaving)."""

    def __init__(self, host, device):
        with host.inside.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
            self.socket.bind((device, ETH_P_ALL))
        self.socket.settimeout(1)

    def count(self, word):
        counts = [0, 0]
        try:
            while True:
                packet, about = self.socket.recvfrom(2048)
                if word in packet:
                    counts[about[2] == PACKET_OUTGOING] += 1
        except TimeoutError:
            return tuple(counts)

    def close(self):
        self.socket.close()


class Tapped(zoo.Zoo):
    """Packet sockets stand outside of the hook for what arrives, and behind it for what leaves. WAYS-IN.md says so."""

    def look(self, address, other):
        """`address` is the host's, `other` the server's."""
        app, _, server = self.street()
        app.listen()
        ears = Overheard(app, "eth0")
        self.addCleanup(ears.close)
        def ask(host, to, word):
            with host.inside.entered():
                s = socket.socket(zoo.family_of(to), socket.SOCK_DGRAM)
            with s:
                s.settimeout(zoo.PATIENCE)
                s.sendto(word, (to, zoo.PORT))
                s.recv(100)
        ask(server, address, b"without it")
        self.assertEqual((1, 0), ears.count(b"without it"))
        self.attach(app)
        self.delay()
        ask(server, address, b"arrives")
        self.assertEqual((2, 0), ears.count(b"arrives"))
        ask(app, other, b"leaves")
        self.assertEqual((0, 1), ears.count(b"leaves"))

    def test_ipv4(self):
        self.look("10.1.0.2", "10.2.0.2")

    def test_ipv6(self):
        self.look("fd01::2", "fd02::2")


class Heard(zoo.Probe):
    """A datagram to many; the time until the other end has heard it, and from whom."""

    def __init__(self, host, address, port, listener, listener_device, by_device=None):
        super().__init__(host, address, port, name=f"by {by_device or 'its route'}")
        self.by_device = by_device
        self.ear = self._ear(listener, listener_device)

    def _ear(self, listener, device):
        family = zoo.family_of(self.address)
        with listener.inside.entered():
            s = socket.socket(family, socket.SOCK_DGRAM)
            index = socket.if_nametoindex(device)
        s.settimeout(self.patience)
        s.bind(("::" if family == socket.AF_INET6 else "", self.port))
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(family, self.address) +
                         struct.pack("@I", index))
        elif int(self.address.split(".")[0]) in range(224, 240):
            s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                         socket.inet_aton(self.address) + struct.pack("@4si", bytes(4), index))
        return s

    def ask(self):
        with self.make(socket.SOCK_DGRAM) as s, self.host.inside.entered():
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if self.by_device:
                index = socket.if_nametoindex(self.by_device)
                if s.family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
                else:
                    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("@4s4si", bytes(4), bytes(4), index))
            began = time.monotonic()
            s.sendto(b"hear", (self.address, self.port))
        _, address = self.ear.recvfrom(100)
        return f"heard from {address[0].split('%')[0]}", time.monotonic() - began


class Many(zoo.Zoo):
    """app and router, over one wire. What is for many is left alone, unless its address is asked for: then each is heard
    after one delay."""

    def look(self, sender, device, listener, listener_device, selected):
        """Each is heard once, from the same address."""
        app, router, _ = self.street()
        router.ip("route add default via 10.1.0.2")
        hosts = {"app": app, "router": router}
        port = iter(range(5000, 5100))
        probes = [Heard(hosts[sender], address, next(port), hosts[listener], listener_device, by_device)
                  for address in (LINK_LOCAL4, GROUP4, GROUP6, "ff02::1:3") for by_device in (None, device)]
        probes += [Heard(hosts[sender], address, next(port), hosts[listener], listener_device)
                   for address in ("255.255.255.255", "10.1.0.255")]
        for probe in probes:
            probe.impaired = selected
            self.addCleanup(probe.ear.close)
        plain = zoo.Results(probes, 1)
        self.attach(app, **({"addresses": FOR_MANY} if selected else {}))
        clean = zoo.Results(probes, 1)
        self.delay()
        delayed = zoo.Results(probes, 1)
        self.detach()
        self.assertTrue(all(found[0].startswith("heard from") for found in plain.values()), plain)
        self.assertEqual(plain, clean)
        self.assertEqual(plain, delayed)
        self.check_times(probes, delayed, zoo.ONE_WAY)
        for probe in probes:
            probe.ear.setblocking(False)
            self.assertRaises(BlockingIOError, probe.ear.recv, 100)

    def test_sent(self):
        self.look("app", "eth0", "router", "a0", False)

    def test_heard(self):
        self.look("router", "a0", "app", "eth0", False)

    def test_sent_and_asked_for(self):
        self.look("app", "eth0", "router", "a0", True)

    def test_heard_and_asked_for(self):
        self.look("router", "a0", "app", "eth0", True)


class BoundByCls(Bound):
    hook = "cls"


class TappedByCls(Tapped):
    hook = "cls"


class ManyByCls(Many):
    hook = "cls"


if __name__ == "__main__":
    zoo.main()
