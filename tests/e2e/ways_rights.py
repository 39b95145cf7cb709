"""A person without rights: not root, no TUN device, no forwarding, no container engine. doctor has a line for it with what mends
it; the command that needs it says the same in one line, and leaves nothing half done. In a machine of this test's own."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest

import harness
import ways

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all")
READ_ONLY = ("unshare", "--mount", "sh", "-c", 'mount -o bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && exec "$@"',
             "sh")


def without_tun(root):
    return ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {root} && exec "$@"', "sh")


def setUpModule():
    harness.private_machine()


class WithoutRights(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = ways.folder()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        os.chmod(cls.folder, 0o755)
        for name in ("wobble", "wobbled"):  # where nobody may execute them
            shutil.copy(os.path.join(harness.BUILD, name), cls.folder)
        cls.writable = os.path.join(cls.folder, "writable")
        os.mkdir(cls.writable)
        os.chmod(cls.writable, 0o777)
        cls.temporary = os.path.join(cls.folder, "temporary")
        os.mkdir(cls.temporary)
        os.chmod(cls.temporary, 0o777)
        for name in ("in0", "out0"):
            ways.run("ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}p")
            ways.run("ip", "link", "set", name, "up")

    def setUp(self):
        self.before = ways.machine()

    def tearDown(self):
        self.assertEqual(self.before, ways.machine())
        self.assertEqual([], os.listdir(self.temporary))

    def call(self, before, program, *words):
        environment = {key: value for key, value in os.environ.items() if key != "DOCKER_HOST"}
        return subprocess.run([*before, os.path.join(self.folder, program), *words], capture_output=True, text=True, timeout=60,
                              check=False, env=dict(environment, WOBBLE_URL="", TMPDIR=self.temporary), cwd=self.writable)

    def refused(self, before, program, *words):
        """Its one line."""
        done = self.call(before, program, *words)
        print(f"{program} {' '.join(words)}: {done.returncode}: {(done.stdout + done.stderr).strip()}")
        self.assertIn(done.returncode, (1, 3))
        self.assertRegex(done.stdout + done.stderr, rf"\A{program}: [^\n]+\n\Z")
        return done.stderr

    def doctor(self, before, name):
        """What it says of this: (ok, detail, how to mend it)."""
        done = self.call(before, "wobble", "--json", "doctor")
        check = next(check for check in json.loads(done.stdout)["checks"] if check["name"] == name)
        self.assertEqual(1, done.returncode)  # here no daemon runs, at least
        lines = self.call(before, "wobble", "doctor").stdout.splitlines()
        found = [line for line in lines if re.match(rf"(ok|missing) +{re.escape(name)} ", line)]
        print("doctor:", *found)
        self.assertEqual(1, len(found), lines)
        return check["ok"], check["detail"], check["mend"] or ""

    def test_not_root(self):
        for name, option in (("CAP_NET_ADMIN", "NET_ADMIN"), ("CAP_SYS_ADMIN", "SYS_ADMIN")):
            is_ok, _, mend = self.doctor(NOBODY, name)
            self.assertFalse(is_ok)
            self.assertIn(f"run as root (docker: --cap-add {option})", mend)
        wanted = r"root|permitted|denied"
        self.assertRegex(self.refused(NOBODY, "wobble", "run", "--", "true"), wanted)
        self.assertRegex(self.refused(NOBODY, "wobbled", "--lab", "--listen", "127.0.0.1:0", "--db", ""), wanted)
        self.assertRegex(self.refused(NOBODY, "wobbled", "--attach", "host", "--listen", "127.0.0.1:0", "--db", ""), wanted)
        self.assertRegex(self.refused(NOBODY, "wobbled", "--gateway", "in0:out0", "--listen", "127.0.0.1:0", "--db", ""), wanted)

    def test_not_root_and_something_is_left(self):
        daemon = ways.Daemon()
        daemon.create(gateway={"in": "in0", "out": "out0"})
        daemon.stop(signal.SIGKILL)
        line = self.refused(NOBODY, "wobble", "cleanup")
        self.assertRegex(line, r"what is on record cannot be seen.*Permission denied.*as root")
        self.assertFalse(self.doctor(NOBODY, "leftovers")[0])
        ways.run(ways.COMMAND, "--url", "http://127.0.0.1:1", "cleanup")

    def test_no_tun(self):
        for hidden in ("/dev/net", "/dev"):
            before = without_tun(hidden)
            is_ok, detail, mend = self.doctor(before, "TUN device")
            self.assertFalse(is_ok)
            self.assertIn("/dev/net/tun: No such file or directory", detail)
            self.assertIn("--device /dev/net/tun", mend)
        for words in (("wobble", "run", "--", "true"), ("wobbled", "--lab", "--listen", "127.0.0.1:0", "--db", ""),
                      ("wobbled", "--attach", "host", "--listen", "127.0.0.1:0", "--db", ""),
                      ("wobbled", "--gateway", "in0:out0", "--listen", "127.0.0.1:0", "--db", "")):
            line = self.refused(without_tun("/dev/net"), *words)
            self.assertIn("/dev/net/tun", line)
            self.assertIn("modprobe tun (docker: --device /dev/net/tun); see 'wobble doctor'", line)

    def test_no_forwarding(self):
        self.assertEqual("0", ways.run("sysctl", "-n", "net.ipv4.ip_forward").stdout.strip())
        is_ok, detail, mend = self.doctor(READ_ONLY, "net.ipv4.ip_forward")
        self.assertFalse(is_ok)
        self.assertIn("0, must be 1 for gateway and run, cannot be set: Read-only file system", detail)
        self.assertIn("sysctl -w net.ipv4.ip_forward=1 (docker: --sysctl net.ipv4.ip_forward=1)", mend)
        for words in (("wobble", "run", "--", "true"), ("wobbled", "--gateway", "in0:out0", "--listen", "127.0.0.1:0", "--db", "")):
            line = self.refused(READ_ONLY, *words)
            self.assertRegex(line, r"net\.ipv4\.\S*forwarding is 0 and must be 1, but cannot be set \(Read-only file system\)")
            self.assertIn("sysctl -w net.ipv4.ip_forward=1' (docker: --sysctl net.ipv4.ip_forward=1)", line)

    def test_no_container_engine(self):
        is_ok, detail, mend = self.doctor((), "container engine")
        self.assertTrue(is_ok)  # nothing else needs one
        self.assertRegex(detail, r"none at /run/docker.sock; only 'attach container:NAME' needs one")
        line = self.refused((), "wobbled", "--attach", "container:web", "--listen", "127.0.0.1:0", "--db", "")
        self.assertRegex(line, r"at /run/docker.sock: there is no such socket; start Docker, .*--docker-socket PATH")
        with ways.Daemon() as daemon:
            line = self.refused((), "wobble", "--url", daemon.url, "attach", "container:web")
            self.assertIn("at /run/docker.sock: there is no such socket; start Docker", line)
        is_ok, detail, mend = self.doctor(("env", "DOCKER_HOST=tcp://10.0.0.1:2375"), "container engine")
        self.assertFalse(is_ok)
        self.assertEqual("unset DOCKER_HOST", mend)

    def test_no_daemon(self):
        for words in (("attach", "host"), ("gateway", "in0:out0"), ("detach", "web"), ("status",)):
            line = self.refused((), "wobble", "--url", "http://127.0.0.1:1", *words)
            self.assertRegex(line, r"no daemon at http://127.0.0.1:1: start it with 'wobbled")

    def test_no_program(self):
        """iproute2 and nftables are not there: they are named, with the package that has them."""
        empty = os.path.join(self.folder, "empty")
        os.makedirs(empty, exist_ok=True)
        for name, package in (("ip", "iproute2"), ("nft", "nftables")):
            is_ok, detail, mend = self.doctor(("env", f"PATH={empty}"), name)
            self.assertFalse(is_ok)
            self.assertIn(package, mend)
        self.assertRegex(self.refused(("env", f"PATH={empty}"), "wobble", "run", "--", "true"), r"\bip\b.*iproute2")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    harness.main("setpriv", "unshare", "sysctl", "nft")
