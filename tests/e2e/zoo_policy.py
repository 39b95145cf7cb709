"""Policy routing that VPNs and people set up, before and while a link stands: it goes on to decide, and loopback lives."""

import os
import subprocess
import unittest

import ways
import zoo
import zoo_tunnel

NETWORKD = "/lib/systemd/systemd-networkd"

# What `wg-quick up` sets up for a full tunnel, in its order.
WG_QUICK = (f"route add default dev wg0 table {zoo_tunnel.MARK}",
            f"rule add not fwmark {zoo_tunnel.MARK} table {zoo_tunnel.MARK}",
            "rule add table main suppress_prefixlength 0")
WG_QUICK_6 = tuple("-6 " + line for line in WG_QUICK)
# What tailscaled sets up, but for the number of its table's routes.
TAILSCALE = tuple(f"{family}rule add pref {pref} {what}" for family in ("", "-6 ") for pref, what in (
    (5210, "fwmark 0x80000/0xff0000 table main"), (5230, "fwmark 0x80000/0xff0000 table default"),
    (5250, "fwmark 0x80000/0xff0000 unreachable"), (5270, "table 52")))


class Tunnels(zoo.Zoo):
    """app has a tunnel to server through which all goes but the tunnel's own datagrams."""

    def tunnel(self):
        app, router, server = self.street()
        tunnel = zoo_tunnel.Tunnel((app, server), ("10.1.0.2", "10.2.0.2"))
        self.addCleanup(tunnel.close)
        return app, router, server

    def probes(self, app, tunnelled=True, direct=True):
        """`tunnelled`, `direct`: whether the link is to delay what goes through the tunnel, and what does not."""
        return [
            # Seen at the server with the tunnel's address: it came through the tunnel.
            zoo.Tcp(app, "10.2.0.2", impaired=tunnelled), zoo.Udp(app, "10.2.0.2", impaired=tunnelled),
            zoo.Tcp(app, "fd02::2", impaired=tunnelled), zoo.Udp(app, "fd02::2", impaired=tunnelled),
            zoo.Tcp(app, "10.2.0.2", mark=zoo_tunnel.MARK, impaired=direct, name="marked"),
            zoo.Tcp(app, "127.0.0.1", impaired=False), zoo.Tcp(app, "::1", impaired=False),
            zoo.Tcp(app, "10.1.0.2", impaired=False), zoo.Tcp(app, "fd01::2", impaired=False)]

    def look(self, found):
        for address, inside in (("10.2.0.2", "10.9.0.1"), ("fd02::2", "fd09::1")):
            self.assertEqual([f"answer to {inside}"], found[f"app tcp {address} 80"], "it has left the tunnel")
        self.assertEqual(["answer to 10.1.0.2"], found["app tcp 10.2.0.2 80 marked"])

    def test_wg_quick_before(self):
        """The link is at eth0, where the tunnel's datagrams pass."""
        app, _, _ = self.tunnel()
        app.listen()
        app.ip(*WG_QUICK, *WG_QUICK_6)
        self.look(self.check(app, self.probes(app), interfaces=["eth0"]))

    def test_wg_quick_afterwards(self):
        app, _, _ = self.tunnel()
        app.listen()
        self.look(self.check(app, self.probes(app), interfaces=["eth0"], meanwhile=lambda: app.ip(*WG_QUICK, *WG_QUICK_6)))

    def test_the_tunnel_itself(self):
        """A device without an Ethernet header, and nothing else."""
        app, _, _ = self.tunnel()
        app.listen()
        app.ip(*WG_QUICK, *WG_QUICK_6)
        self.look(self.check(app, self.probes(app, direct=False), interfaces=["wg0"]))

    def test_tailscale_before_and_afterwards(self):
        def routes(host):
            host.ip(*TAILSCALE, "route add 10.2.0.2/32 dev wg0 table 52", "-6 route add fd02::2/128 dev wg0 table 52",
                    f"rule add pref 5200 fwmark {zoo_tunnel.MARK} table main")
        for meanwhile in (False, True):
            with self.subTest(meanwhile=meanwhile):
                app, _, _ = self.tunnel()
                app.listen()
                if not meanwhile:
                    routes(app)
                self.look(self.check(app, self.probes(app), interfaces=["eth0"],
                                     meanwhile=(lambda app=app: routes(app)) if meanwhile else None))


class Rules(zoo.Zoo):
    def probes(self, app, server):
        app.listen()
        return ([kind(app, address) for kind in (zoo.Tcp, zoo.Udp) for address in ("10.2.0.2", "fd02::2")] +
                [zoo.Tcp(server, address) for address in ("10.1.0.2", "fd01::2")] +
                [zoo.Tcp(app, address, impaired=False) for address in ("127.0.0.1", "::1", "10.1.0.2", "fd01::2")])

    def test_rule_without_priority(self):
        app, _, server = self.street()
        lines = ("route add default via 10.1.0.1 dev eth0 table 100", "rule add from 10.1.0.2 table 100",
                 "-6 route add default via fd01::1 dev eth0 table 100", "-6 rule add from fd01::2 table 100")
        probes = self.probes(app, server)
        self.check(app, probes, meanwhile=lambda: app.ip(*lines))
        self.check(app, probes)

    def test_rules_are_flushed(self):
        """As scripts do: flush, and add their own. Rule 0 stays on any machine, and so does what a link needs."""
        app, _, server = self.street()
        lines = [f"{family}{what}" for family in ("", "-6 ") for what in ("rule flush", "rule add pref 32766 table main")]
        found = self.check(app, self.probes(app, server), meanwhile=lambda: app.ip(*lines))
        self.assertEqual(["answer to 127.0.0.1"], found["app tcp 127.0.0.1 80"])


NETWORK = """[Match]
Name=eth1
[Network]
Address=10.3.0.2/24
Address=fd03::2/64
LinkLocalAddressing=no
IPv6AcceptRA=no
"""


class Networkd(zoo.Zoo):
    """systemd-networkd, which takes away all rules that it does not know when it configures an interface."""

    @unittest.skipUnless(os.path.exists(NETWORKD), "systemd-networkd is not installed")
    def test_it_configures_an_interface_meanwhile(self):
        app, router, server = self.street()
        app.listen()
        router.listen()
        self.attach(app)
        self.delay()
        before = [zoo.Tcp(app, "10.2.0.2"), zoo.Tcp(app, "fd02::2"), zoo.Tcp(server, "10.1.0.2"), zoo.Tcp(server, "fd01::2"),
                  zoo.Tcp(app, "127.0.0.1", impaired=False), zoo.Tcp(app, "::1", impaired=False)]
        self.check_times(before, zoo.Results(before, 3))
        app.ip("rule add pref 500 to 10.9.0.0/16 table 100")
        self.start_networkd(app)
        zoo.cable(app, "eth1", router, "c0", 3, addresses_at_a=False)
        ways.wait("networkd to configure it", lambda: "inet6 fd03::2" in app.run("ip", "addr", "show", "dev", "eth1").stdout)
        self.assertNotIn("500:", app.run("ip", "rule").stdout, "it has not done what the case is about")
        now = before + [zoo.Tcp(app, "10.3.0.1"), zoo.Tcp(router, "10.3.0.2"), zoo.Tcp(app, "fd03::1")]
        ways.wait("the link to be at the new interface", lambda: now[-1].once()[1] >= 2 * zoo.ONE_WAY)
        found = zoo.Results(now, 5)
        self.assertTrue(all(outcome[0].startswith("answer") for outcome in found.values()), found)
        self.check_times(now, found)

    def start_networkd(self, app):
        """In a container's clothes (a /sys that may not be written), or it would wait for udev."""
        for folder in ("netif/links", "netif/leases", "network"):
            os.makedirs(f"/run/systemd/{folder}", exist_ok=True)
        ways.run("chmod", "-R", "a+rwX", "/run/systemd")
        with open("/run/systemd/network/eth1.network", "w", encoding="ascii") as file:
            file.write(NETWORK)
        script = f"mount -o remount,bind,ro /sys; exec {NETWORKD}"
        networkd = app.popen("unshare", "--mount", "sh", "-c", script, stderr=subprocess.DEVNULL)
        ways.wait("networkd to have begun", lambda: os.path.exists("/run/systemd/netif/state"))
        self.addCleanup(networkd.wait, 10)
        self.addCleanup(networkd.terminate)


class NetworkdByCls(Networkd):
    hook = "cls"


class TunnelsByCls(Tunnels):
    hook = "cls"


class RulesByCls(Rules):
    hook = "cls"


if __name__ == "__main__":
    zoo.main()
