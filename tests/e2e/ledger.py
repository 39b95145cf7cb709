"""One ledger for the machine: whoever holds what, however it ends, in the end every parameter and table is as before.

In a machine of this test's own, with two interfaces to a server:

    here: e0 10.88.1.1, fd88:1::1 ──── e0 10.88.1.2, fd88:1::2 (server)
          e1 10.88.2.1, fd88:2::1 ──── e1 10.88.2.2, fd88:2::2"""

import json
import os
import random
import re
import signal
import subprocess
import threading
import time
import unittest

import harness
import ways

FOLDER = "/run/wobble"
RECORD = os.path.join(FOLDER, "ledger.json")
NOBODY = "http://127.0.0.1:1"


def setUpModule():
    harness.private_machine()
    ways.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.addr_gen_mode=1")


def cleanup(*options, environment=None):
    return ways.run(ways.COMMAND, "--url", NOBODY, *options, "cleanup", check=False, env=environment)


def record():
    try:
        with open(RECORD, encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def ping(seconds):
    """A command that asks the server five times a second, by both families; it fails if one answer is missing."""
    count = str(int(5 * seconds))
    return ["sh", "-c", f"ping -q -i 0.2 -c {count} 10.88.1.2 & ping -q -i 0.2 -c {count} fd88:1::2 >/dev/null && wait $!"]


def difference(before, after):
    """The lines that are in one only."""
    lines = []
    for what in before:
        was, now = (side[what] if isinstance(side[what], list) else side[what].splitlines() for side in (before, after))
        lines += [f"- {line}" for line in was if line not in now] + [f"+ {line}" for line in now if line not in was]
    return lines


class Machine(unittest.TestCase):
    def setUp(self):
        setUpModule()  # what one test leaves is not the next one's
        self.server = ways.Netns()
        self.addCleanup(self.server.close)
        for number in (1, 2):
            ways.run("ip", "link", "add", f"e{number - 1}", "type", "veth", "peer", "name", f"e{number - 1}", "netns",
                     self.server.name)
            self.addCleanup(lambda number=number: ways.run("ip", "link", "del", f"e{number - 1}", check=False))
            for run, host in ((ways.run, 1), (self.server.run, 2)):
                run("ip", "addr", "add", f"10.88.{number}.{host}/24", "dev", f"e{number - 1}")
                run("ip", "addr", "add", f"fd88:{number}::{host}/64", "dev", f"e{number - 1}", "nodad")
                run("ip", "link", "set", f"e{number - 1}", "up")
        # An interface that forwards by its owner's will, and one that learns its routes.
        ways.run("sysctl", "-qw", "net.ipv6.conf.e1.forwarding=1", "net.ipv6.conf.e0.accept_ra=1")
        self.folder = ways.folder()
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", self.folder], check=False))
        self.settle()
        self.before = ways.machine()

    def settle(self):
        """The kernel adds the last routes of a new device behind our back."""
        def routes():
            return ways.run("ip", "-6", "route", "show", "table", "all").stdout
        ways.wait("the routes to be there", lambda: len(re.findall(r"ff00::/8", routes())) == 2)

    def wrapper(self, program, script):
        """A folder for PATH in which `program` is this script; "$real" is the real one."""
        real = subprocess.run(["which", program], capture_output=True, text=True, check=True).stdout.strip()
        path = os.path.join(self.folder, "bin")
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, program), "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\nreal={real}\n{script}\n")
        os.chmod(os.path.join(path, program), 0o755)
        return {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}

    def check_as_before(self):
        self.assertEqual([], difference(self.before, ways.machine()))
        self.assertFalse(os.path.exists(FOLDER), os.path.exists(FOLDER) and os.listdir(FOLDER))


class Parallel(Machine):
    """Two terminals, `make -j2`, CI jobs: the first run to end took the network from the others (F2)."""

    def test_eight_runs_at_random_beside_one_that_stays(self):
        steady = subprocess.Popen(harness.with_us(ways.COMMAND, "run", "-q", "--", *ping(6)), stdout=subprocess.PIPE, text=True)
        self.eight_runs_beside(steady)
        self.check_as_before()

    def test_eight_runs_at_random_beside_a_daemon_with_a_gateway_and_an_attach(self):
        """What the gateway forwards and what the host sends goes on while they come and go, and is theirs no less afterwards."""
        inner = ways.Netns()
        self.addCleanup(inner.close)
        here = ways.Netns.__new__(ways.Netns)  # this machine, for wire() alone
        here.name, here.run = str(os.getpid()), ways.run
        ways.wire(here, inner, 3, ("g0", "e0"))
        inner.run("ip", "route", "add", "default", "via", "10.88.3.1")
        inner.run("ip", "-6", "route", "add", "default", "via", "fd88:3::1")
        before = ways.machine()
        with ways.Daemon() as daemon:
            daemon.create(name="gateway", gateway={"in": "g0", "out": "e0", "masquerade": True})
            daemon.create(name="host", attach={"target": "host"}, both={"delay": "5ms"})
            during = ways.machine()
            through = inner.popen(*ping(10), stdout=subprocess.PIPE, text=True)
            own = subprocess.Popen(harness.with_us(*ping(10)), stdout=subprocess.PIPE, text=True)
            self.eight_runs_beside(through, own)
            self.assertEqual([], difference(during, ways.machine()))
            for name in ("gateway", "host"):
                self.assertGreater(daemon.total(name), 2 * 5 * 10 - 1)
                self.assertEqual("up", daemon.api.get(f"/api/v1/links/{name}")["way_in"]["state"])
                daemon.delete(name)
            self.assertEqual([], difference(before, ways.machine()))
        inner.close()
        ways.wait("its wire to be gone", lambda: "g0" not in ways.run("ip", "-o", "link").stdout)
        self.check_as_before()

    def eight_runs_beside(self, *steady):
        """Those, and eight that start and end at random, lose no packet."""
        seed = random.randrange(1 << 32)
        print("seed", seed)
        chance = random.Random(seed)
        runs = []
        for _ in range(8):
            runs.append(subprocess.Popen(harness.with_us(ways.COMMAND, "run", "-q", "--", *ping(chance.uniform(0.4, 2))),
                                         stdout=subprocess.PIPE, text=True))
            time.sleep(chance.uniform(0, 0.3))
        for run in (*runs, *steady):
            said, _ = run.communicate(timeout=60)
            self.assertEqual(0, run.returncode, said)
            self.assertIn(" 0% packet loss", said)


class Killed(Machine):
    ROUNDS = 16

    def test_kill_9_at_random_moments(self):
        """Some with an `ip` and an `nft` that are slow, so that each moment of set-up is met."""
        seed = random.randrange(1 << 32)
        print("seed", seed)
        chance = random.Random(seed)
        slow = self.wrapper("nft", 'sleep 0.0$(($$ % 10))\nexec $real "$@"')
        slow = self.wrapper("ip", 'sleep 0.0$(($$ % 10))\nexec $real "$@"')
        with ways.Daemon() as living:
            near = harness.Namespace(living.create(run={})["near"]["netns"], [], "near")
            left = 0
            for number in range(self.ROUNDS):
                environment = slow if number % 2 else dict(os.environ)
                left += self.kill_one(chance.uniform(0, 0.3), environment, begun=number % 4 > 1)
            near.run("ping", "-q", "-c", "1", "-W", "5", "10.88.1.2")
            near.run("ping", "-q", "-c", "1", "-W", "5", "fd88:1::2")
            done = cleanup()
            print(f"{self.ROUNDS} killed, {left} of which left something on record; cleanup:\n{done.stdout}")
            self.assertGreaterEqual(left, self.ROUNDS // 4)
            self.assertEqual((0, ""), (done.returncode, done.stderr))
            self.assertIn(f"in use, not touched: process {living.process.pid} holds ", done.stdout)
            near.run("ping", "-q", "-c", "1", "-W", "5", "10.88.1.2")
            self.assertEqual(0, living.stop())
        self.check_as_before()

    def kill_one(self, after, environment, begun):
        """A daemon is killed so long after it was asked for a run, or, if `begun`, after its first change. Whether it has
        left something on record; the next start puts it back."""
        database = os.path.join(self.folder, f"{time.monotonic_ns()}.db")
        process = subprocess.Popen(harness.with_us(harness.DAEMON, "--listen", "127.0.0.1:0", "--db", database), env=environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        with process:
            url = re.search(r"http://\S+", process.stdout.readline()).group(0).rstrip("/")
            asking = threading.Thread(target=ways.run, daemon=True, kwargs={"check": False}, args=(
                "curl", "-s", "-m", "20", f"{url}/api/v1/links", "-d", '{"run": {}}'))
            asking.start()
            if begun:
                ways.wait("its first change", lambda: f'"{process.pid}-' in record())
            time.sleep(after)
            process.kill()
            process.wait(10)
            asking.join(30)
        return f'"{process.pid}-' in record()

    def test_the_next_start_puts_back(self):
        daemon = ways.Daemon()
        daemon.create(run={})
        daemon.stop(signal.SIGKILL)
        self.assertTrue(os.path.exists(RECORD))
        with ways.Daemon() as next_one:
            self.assertIn("put back: net.ipv6.conf.all.forwarding to 0", next_one.stderr())
            self.assertIn("put back: the nftables table inet wobble_run0", next_one.stderr())
            self.check_as_before()

    def test_another_pid_namespace_does_not_take_it_for_dead(self):
        """Two containers with one /run (M11)."""
        with ways.Daemon() as daemon:
            daemon.create(run={})
            during = ways.machine()
            said = ways.run("unshare", "--pid", "--fork", "--mount-proc", ways.COMMAND, "--url", NOBODY, "cleanup").stdout
            self.assertIn(f"in use, not touched: process {daemon.process.pid} holds ", said)
            self.assertEqual([], difference(during, ways.machine()))
            daemon.delete("run")
        self.check_as_before()


class Fails(Machine):
    def test_an_undo_that_fails_is_told_and_kept_and_mended(self):
        """It was answered with 204, and forgotten (F4)."""
        flag = os.path.join(self.folder, "fails")
        broken = self.wrapper("nft", f'[ -e {flag} ] && {{ echo out of order >&2; exit 1; }}\nexec $real "$@"')
        with ways.Daemon(command=["env", f"PATH={broken['PATH']}", harness.DAEMON]) as daemon:
            daemon.create(run={})
            open(flag, "w", encoding="ascii").close()
            answer = daemon.api.request("DELETE", "/api/v1/links/run")
            print(answer)
            self.assertEqual(503, answer.status)
            self.assertRegex(answer.json["error"], r"wobble_run0.*out of order.*wobble cleanup")
            self.assertRegex(daemon.stderr(), r"\[error\] run: could not be put back.*wobble_run0")
            self.assertEqual([], daemon.api.get("/api/v1/links")["items"])
            self.assertIn("wobble_run0", record())
            self.assertNotIn("forwarding", record())
            daemon.stop()
        self.assertIn("wobble_run0", ways.run("nft", "list", "tables").stdout)
        failed = cleanup(environment=broken)
        self.assertEqual(1, failed.returncode)
        self.assertRegex(failed.stderr, r"\Awobble: could not put back: .*wobble_run0.*out of order")
        self.assertEqual("", failed.stdout)
        doctor = ways.run(ways.COMMAND, "--url", NOBODY, "doctor", check=False).stdout
        self.assertRegex(doctor, r"missing +leftovers +1, the first: the nftables table inet wobble_run0")
        os.unlink(flag)
        dry = cleanup(environment=broken)
        self.assertEqual(0, dry.returncode)
        self.assertIn("removed the nftables table inet wobble_run0", dry.stdout)
        self.check_as_before()

    def test_a_file_of_another_version_stops_nobody(self):
        """It stopped the start, and named no file (M7)."""
        os.mkdir(FOLDER)
        for name, text in (("ledger.json", '{"version": 99}'), ("99-1.json", '{"namespaces": {"1": {}}}')):
            with open(os.path.join(FOLDER, name), "w", encoding="ascii") as file:
                file.write(text)
        with ways.Daemon() as daemon:
            for name in ("ledger.json", "99-1.json"):
                self.assertRegex(daemon.stderr(), rf"\[warning\] {FOLDER}/{name} cannot be used .*{name}\.aside\n")
            daemon.create(run={})
        self.assertEqual(["99-1.json.aside", "ledger.json.aside"], sorted(set(os.listdir(FOLDER)) - {"lock"}))
        subprocess.run(["rm", "-r", FOLDER], check=True)
        self.check_as_before()

    def test_a_run_that_cannot_be_written_is_told(self):
        """Not a word said that a kill could not be undone (M8)."""
        read_only = ["unshare", "--mount", "sh", "-c", 'mount -o remount,ro,bind /run && exec "$@"', "sh"]
        with ways.Daemon(command=[*read_only, harness.DAEMON]) as daemon:
            self.assertIn("not on record: cannot make /run/wobble: Read-only", daemon.create(run={})["way_in"]["detail"])
            daemon.create(run={})
            told = re.findall(r"not kept on record.*: cannot make /run/wobble: Read-only file system", daemon.stderr())
            self.assertEqual(1, len(told), daemon.stderr())
            self.assertEqual(0, daemon.stop())
        said = ways.run(*read_only, ways.COMMAND, "--url", NOBODY, "doctor", check=False).stdout
        self.assertRegex(said, r"missing +record of changes +cannot be kept.*/run: Read-only file system")
        self.check_as_before()


class Legacy(Machine):
    def test_what_an_older_daemon_left_is_put_back(self):
        """As an attach with `fail closed` and a run left it; beside it what only looks like ours."""
        for words in ("rule add priority 7950 lookup 8100", "tuntap add dev wobvpn0 mode tun",
                      "netns add wobble-999999-mine"):
            ways.run("ip", *words.split())
        self.addCleanup(lambda: ways.run("ip", "rule", "del", "priority", "7950"))
        self.addCleanup(lambda: ways.run("ip", "link", "del", "wobvpn0"))
        self.addCleanup(lambda: ways.run("ip", "netns", "del", "wobble-999999-mine"))
        before = ways.machine()
        for family in ("-4", "-6"):
            for words in ("rule add priority 7990 lookup local", "rule del priority 0",
                          "rule add priority 7900 iif wob0f lookup main", "rule add priority 7930 iif lo lookup local",
                          "rule add priority 7920 iif e0 ipproto tcp lookup 7901",
                          "rule add priority 7940 iif lo ipproto tcp lookup 7900",
                          "route add blackhole default table 7900 metric 4294967295"):
                ways.run("ip", family, *words.split())
        ways.run("nft", "add", "table", "inet", "wobble_run0")
        sysctls = {"ipv4/conf/e0/forwarding": ("0", "1"), "ipv4/ip_early_demux": ("1", "0"),
                   "ipv6/conf/e0/forwarding": ("0", "1"), "ipv6/conf/e1/forwarding": ("1", "1"),
                   "ipv6/conf/all/forwarding": ("0", "1")}
        for name, (_, ours) in sysctls.items():
            with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
                file.write(ours)
        os.mkdir(FOLDER)
        with open(os.path.join(FOLDER, "4194303-17.json"), "w", encoding="ascii") as file:
            json.dump({"namespaces": {str(os.stat("/proc/self/ns/net").st_ino): {
                "slots": [0], "local_rule": [True, True], "nft_tables": ["wobble_run0"],
                "sysctls": [{"name": n, "before": b, "ours": o} for n, (b, o) in sysctls.items()]}}}, file)
        during = ways.machine()
        self.assertIn("would put back IPv6 rule 0: lookup local", ways.run(ways.COMMAND, "--url", NOBODY, "cleanup", "-n").stdout)
        self.assertEqual([], difference(during, ways.machine()))
        done = cleanup()
        print(done.stdout)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn("put back net.ipv6.conf.all.forwarding to 0 in the network namespace we are in, left by process "
                      "4194303, which has ended", done.stdout)
        self.assertEqual([], difference(before, ways.machine()))
        self.assertEqual("nothing to clean up\n", cleanup().stdout)
        self.assertEqual([], os.listdir(FOLDER))


if __name__ == "__main__":
    harness.main("curl", "nft", "ping", "sysctl", "unshare")
