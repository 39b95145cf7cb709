"""wobble run while somebody else changes the machine under it: rules flushed, a device set down, forwarding turned off. It is
noticed within moments and mended, with an event; what cannot be mended is said. In a machine of this test's own."""

import os
import shutil
import signal
import subprocess
import time
import unittest

import harness
import run as run_tests
import ways


def setUpModule():
    harness.private_machine()


class RunWatch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = ways.Netns()
        cls.addClassCleanup(cls.server.close)
        run_tests.wire_to_a_server(cls.server)
        cls.server.serve(80)

    def setUp(self):
        self.before = ways.machine()
        self.daemon = ways.Daemon()
        self.addCleanup(self.daemon.stop)
        link = self.daemon.create(name="watched", run={})
        self.near = harness.Namespace(link["near"]["netns"], link["near"]["addresses"], "near")
        self.device = link["far"]["device"]

    def tearDown(self):
        self.daemon.stop()
        self.assertEqual(self.before, ways.machine())

    def get(self, url):
        done = self.near.run("curl", "-sS", "-m", "1", "-o", "/dev/null", "-w", "%{http_code}", url, check=False)
        return done.stdout == "200"

    def events(self):
        return [event["text"] for event in self.daemon.api.get("/api/v1/events?link=watched&kind=way_in&limit=1000")["items"]]

    def check_mended(self, words, told):
        """What is done to the machine is told of and mended, for IPv4 and IPv6."""
        for url in ("http://10.88.1.2/", "http://[fd88:1::2]/"):
            ways.wait(f"{url} to be reached", lambda url=url: self.get(url))
        ways.run(*words)
        began = time.monotonic()
        ways.wait(f"the event after {words}", lambda: any(told in event for event in self.events()))
        print(f"{' '.join(words)}: told after {time.monotonic() - began:.2f} s: {self.events()[-1]}")
        for url in ("http://10.88.1.2/", "http://[fd88:1::2]/"):
            ways.wait(f"{url} to be reached again after {words}", lambda url=url: self.get(url))
        self.assertEqual("up", self.daemon.api.get("/api/v1/links/watched")["way_in"]["state"])

    def test_all_rules_are_flushed(self):
        self.check_mended(["nft", "flush", "ruleset"], "its nftables table wobble_run0 had been changed or removed: it is made again")

    def test_its_chain_is_flushed(self):
        self.check_mended(["nft", "flush", "chain", "inet", "wobble_run0", "out"], "had been changed or removed")

    def test_its_device_is_set_down(self):
        self.check_mended(["ip", "link", "set", self.device, "down"], f"its device {self.device} had been set down: it is up again")

    def test_forwarding_is_turned_off(self):
        self.check_mended(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.ip_forward=0"], "somebody had changed net.ipv4.conf.")
        ways.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=0")
        ways.wait("IPv6 to be forwarded again", lambda: self.get("http://[fd88:1::2]/"))

    def test_an_interface_that_comes_is_forwarded_too(self):
        ways.run("ip", "link", "add", "late0", "type", "veth", "peer", "late1")
        self.addCleanup(ways.run, "ip", "link", "del", "late0", check=False)
        ways.wait("the new interface to forward", lambda: ways.run("sysctl", "-n", "net.ipv4.conf.late0.forwarding").stdout == "1\n")
        ways.run("ip", "link", "del", "late0")

    def test_what_cannot_be_mended_is_said(self):
        """nft fails from now on: the link does not carry, and says why; when nft works again, so does it."""
        folder = ways.folder()
        self.addCleanup(shutil.rmtree, folder)
        self.daemon.stop()
        broken = os.path.join(folder, "broken")
        with open(os.path.join(folder, "nft"), "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\nif [ -e {broken} ]; then echo "no rules today" >&2; exit 1; fi\nexec /usr/sbin/nft "$@"\n')
        os.chmod(os.path.join(folder, "nft"), 0o755)
        self.daemon = ways.Daemon(command=["env", f"PATH={folder}:{os.environ['PATH']}", harness.DAEMON])
        self.addCleanup(self.daemon.stop)
        link = self.daemon.create(name="watched", run={})
        self.near = harness.Namespace(link["near"]["netns"], link["near"]["addresses"], "near")
        open(broken, "w", encoding="ascii").close()
        ways.run("nft", "flush", "ruleset")
        ways.wait("the trouble to be said", lambda: "no rules today" in self.way_in()["detail"])
        self.assertEqual("down", self.way_in()["state"])
        ways.wait("the event", lambda: any("does not carry: " in event for event in self.events()))
        os.unlink(broken)
        ways.wait("it to be mended", lambda: self.way_in()["state"] == "up")
        ways.wait("the way out", lambda: self.get("http://10.88.1.2/"))
        ways.wait("the event", lambda: any("carries again" in event for event in self.events()))

    def way_in(self):
        return self.daemon.api.get("/api/v1/links/watched")["way_in"]


if __name__ == "__main__":
    harness.main("curl", "nft", "sysctl")
