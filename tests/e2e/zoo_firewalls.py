"""Firewalls that go by the interface or the hook: a link changes neither."""

import zoo


class Firewalls(zoo.Zoo):
    """app is attached, and the server asks it as well. A firewall that lets something pass lets it pass through the link,
    and what it holds back is held back."""

    def ask(self, app, server, **settings):
        app.listen(zoo.PORT)
        app.listen(81)
        probes = [kind(app, address) for kind in (zoo.Tcp, zoo.Udp) for address in ("10.2.0.2", "fd02::2")]
        for address in ("10.1.0.2", "fd01::2"):
            probes += [zoo.Tcp(server, address), zoo.Udp(server, address), zoo.Tcp(server, address, 81)]
        probes += [zoo.Tcp(app, address, impaired=False) for address in ("127.0.0.1", "::1", "10.1.0.2", "fd01::2")]
        return self.check(app, probes, **settings)

    def test_input_drop_but_for_loopback(self):
        app, _, server = self.street()
        app.iptables("-A INPUT -i lo -j ACCEPT", "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
                     "-6 -A INPUT -p icmpv6 -j ACCEPT", "-P INPUT DROP")
        found = self.ask(app, server)
        for address in ("10.1.0.2", "fd01::2"):
            self.assertEqual(["timed out"], found[f"server tcp {address} 80"])

    def test_input_and_output_by_interface(self):
        app, _, server = self.street()
        app.iptables("-A INPUT -i lo -j ACCEPT", "-A OUTPUT -o lo -j ACCEPT", "-A INPUT -i eth0 -p tcp --dport 80 -j ACCEPT",
                     "-A INPUT -i eth0 -m conntrack --ctstate ESTABLISHED -j ACCEPT", "-A OUTPUT -o eth0 -j ACCEPT",
                     "-6 -A INPUT -p icmpv6 -j ACCEPT", "-6 -A OUTPUT -p icmpv6 -j ACCEPT", "-P INPUT DROP", "-P OUTPUT DROP")
        self.ask(app, server)

    def test_forward_drop_by_iptables(self):
        app, _, server = self.street()
        app.iptables("-P FORWARD DROP")
        self.ask(app, server)

    def test_forward_drop_by_nft_inet(self):
        app, _, server = self.street()
        app.nft("add table inet filter\n"
                "add chain inet filter forward { type filter hook forward priority 0; policy drop; }\n")
        self.ask(app, server)

    def test_the_ruleset_is_flushed(self):
        app, _, server = self.street()
        app.iptables("-A INPUT -i lo -j ACCEPT", "-P INPUT DROP")
        self.ask(app, server, meanwhile=lambda: app.run("nft", "flush", "ruleset"))

    def test_ufw_against_spoofed_loopback(self):
        app, _, server = self.street()
        app.iptables("-4 -A INPUT -i lo -j ACCEPT", "-4 -A INPUT -s 127.0.0.0/8 -j DROP", "-4 -A INPUT -d 127.0.0.0/8 -j DROP")
        self.ask(app, server)

    def test_strict_reverse_path(self):
        """As many hosts have it, and as firewalld asks for IPv6."""
        app, _, server = self.street()
        app.sysctl("net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.eth0.rp_filter=1")
        app.nft("add table ip6 rp\n"
                "add chain ip6 rp pre { type filter hook prerouting priority -10; }\n"
                "add rule ip6 rp pre icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
                "add rule ip6 rp pre fib saddr . iif oif missing drop\n")
        self.ask(app, server)

    def test_the_routers_forward_policy(self):
        """The attached host is a router that lets pass what comes in by one interface and leaves by the other. What it
        forwards is not its own, and the link's no more than the firewall's."""
        app, router, server = self.street()
        router.iptables("-A FORWARD -i a0 -o b0 -j ACCEPT",
                        "-A FORWARD -i b0 -o a0 -m conntrack --ctstate ESTABLISHED -j ACCEPT", "-P FORWARD DROP")
        app.listen()
        router.listen()
        forwarded = [zoo.Tcp(app, "10.2.0.2", impaired=False), zoo.Tcp(app, "fd02::2", impaired=False),
                     zoo.Tcp(server, "10.1.0.2"), zoo.Tcp(server, "fd01::2")]
        own = [zoo.Tcp(router, "10.2.0.2"), zoo.Tcp(router, "fd02::2"), zoo.Tcp(app, "10.1.0.1"), zoo.Tcp(app, "fd01::1")]
        found = self.check(router, forwarded + own)
        self.assertEqual(["timed out"], found[forwarded[2].name])


class FirewallsByCls(Firewalls):
    hook = "cls"


if __name__ == "__main__":
    zoo.main("iptables", "ip6tables", "nft")
