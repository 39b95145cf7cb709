"""It cleans up: whatever ends the daemon, the machine is as it was. And what cannot work ends at once, with one line.

"The machine" is a network namespace and a /run of this test's own, so that what others do meanwhile does not show."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import harness

# Values that move by themselves on a living machine.
_VOLATILE = re.compile(r"nf_conntrack_count|\.neigh\.|random|dentry|inode|\.file-nr|tcp_mem|udp_mem|stable_secret|"
                       r"route\.flush|fs\.")


def machine():
    """What a daemon could leave behind in our own network namespace and on this machine."""
    def output(*words):
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout
    sysctls = [line for line in output("sysctl", "-a").splitlines()
               if line.startswith("net.") and not _VOLATILE.search(line)]
    return {
        "namespaces": output("ip", "netns", "list"),
        "devices": re.sub(r"@if\d+", "", output("ip", "-o", "link")),
        "rules": output("ip", "rule") + output("ip", "-6", "rule"),
        "routes": output("ip", "route", "show", "table", "all"),
        "sysctls": "\n".join(sysctls),
        # Namespaces, and not the folder for them: the first `ip netns add` makes a mount of /run/netns, which stays.
        "mounts": "\n".join(line for line in output("cat", "/proc/mounts").splitlines() if line.split()[2] == "nsfs"),
        "run": "\n".join(sorted(name for name in os.listdir("/run") if "wobble" in name)),
        "shared memory": "\n".join(sorted(name for name in os.listdir("/dev/shm") if "wobble" in name)),
    }


def children(pid):
    out = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False).stdout
    return [int(word) for word in out.split()]


def users_of(namespaces):
    """Processes that hold one of these network namespaces ("net:[123]"), by thread or by descriptor."""
    users = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            links = [f"/proc/{pid}/ns/net"] + [f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue
        for link in links:
            try:
                if os.readlink(link) in namespaces:
                    users.append(int(pid))
            except OSError:
                pass
    return sorted(set(users))


def setUpModule():
    harness.private_machine()


class Ends(unittest.TestCase):
    def end_by(self, how, *options):
        before = machine()
        lab = harness.Lab(*options)
        try:
            namespaces = {os.readlink(side.path) for side in (lab.near, lab.far)}
            self.assertTrue(all(re.fullmatch(r"net:\[\d+\]", name) for name in namespaces), namespaces)
            self.assertEqual([lab.process.pid], users_of(namespaces))
            lab.near.run("curl", "-sS", "-o", "/dev/null", f"http://{lab.far.v4}/bytes/100000")
            helpers = children(lab.process.pid)
            with lab.near.socket() as idle:  # kept alive by both sides at the end
                idle.connect((lab.far.v4, 80))
                idle.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
                self.assertIn(b" 200 ", idle.recv(1000))
                lab.both(delay="30ms", loss="5%")
                began = time.monotonic()
                status = lab.stop(how)
                took = time.monotonic() - began
            self.assertEqual([], users_of(namespaces))
            self.assertEqual([], [pid for pid in helpers if os.path.exists(f"/proc/{pid}")])
            print(f"{how.name} {' '.join(options)}: status {status} after {1e3 * took:.0f} ms")
            self.assertEqual(before, machine())
            self.assertLess(took, 3)
            return status
        finally:
            lab.stop(signal.SIGKILL)

    def test_ctrl_c(self):
        self.assertEqual(0, self.end_by(signal.SIGINT))

    def test_sigterm(self):
        self.assertEqual(0, self.end_by(signal.SIGTERM))

    def test_sigterm_with_the_demo(self):
        self.assertEqual(0, self.end_by(signal.SIGTERM, "--demo"))

    def test_kill_9(self):
        self.assertEqual(-signal.SIGKILL, self.end_by(signal.SIGKILL))

    def test_kill_9_with_the_demo(self):
        self.assertEqual(-signal.SIGKILL, self.end_by(signal.SIGKILL, "--demo"))

    def test_sigterm_while_a_stream_is_read_and_packets_wait(self):
        with harness.Lab() as lab:
            lab.both(delay="10s")
            waiting = lab.near.popen("curl", "-sS", "-m", "20", f"http://{lab.far.v4}/", stderr=subprocess.DEVNULL)
            stream = subprocess.Popen(["curl", "-sN", "-H", "Accept: text/event-stream", f"{lab.url}/api/v1/events"],
                                      stdout=subprocess.DEVNULL)
            try:
                lab.wait("a packet to wait", lambda: lab.stats()["up"]["in_flight"]["packets"])
                began = time.monotonic()
                self.assertEqual(0, lab.stop(signal.SIGTERM))
                self.assertLess(time.monotonic() - began, 5)
            finally:
                for process in (stream, waiting):
                    process.terminate()
                    process.wait(10)

    def test_an_orderly_end_leaves_only_the_log(self):
        folder = tempfile.mkdtemp(prefix=harness.PREFIX + "-")
        try:
            with harness.Lab(directory=folder) as lab:
                lab.near.run("curl", "-sS", "-o", "/dev/null", f"http://{lab.far.v4}/")
            self.assertEqual(["journal.db", "stderr"], sorted(os.listdir(folder)))
        finally:
            shutil.rmtree(folder)


class Restart(unittest.TestCase):
    def test_ids_go_on_and_the_killed_one_is_named(self):
        before = machine()
        folder = tempfile.mkdtemp(prefix=harness.PREFIX + "-")
        try:
            with harness.Lab(directory=folder) as lab:
                self.request(lab)
                first = lab.api.pages("/api/v1/connections?limit=1000")
                newest = lab.api.get("/api/v1/events?limit=1000")["items"][-1]["id"]
                killed = lab.process.pid
                lab.stop(signal.SIGKILL)
            with harness.Lab(directory=folder) as lab:
                self.request(lab)
                rows = lab.api.pages("/api/v1/connections?limit=1000")
                self.assertLessEqual({row["id"] for row in first}, {row["id"] for row in rows})
                new = [row["id"] for row in rows if row["id"] not in {row["id"] for row in first}]
                self.assertEqual(1, len(new))
                self.assertGreater(new[0], max(row["id"] for row in first))
                self.assertTrue(all(row["end"] != "open" or row["id"] in new for row in rows),
                                "a connection of the dead daemon is still shown as open")
                events = lab.api.get(f"/api/v1/events?since={newest}&limit=1000")["items"]
                self.assertTrue(all(event["id"] > newest for event in events))
                started = [event for event in events if event["kind"] == "daemon_started"]
                print(f"told after the restart: {started[0]['text']}")
                self.assertEqual(killed, started[0]["detail"]["killed_before"]["pid"])
                self.assertIn("ended without stopping", started[0]["text"])
                self.assertEqual(0, lab.stop())
            self.assertEqual(before, machine())
            with harness.Lab(directory=folder) as lab:
                events = lab.api.get(f"/api/v1/events?since={events[-1]['id']}&limit=1000")["items"]
                started = [event for event in events if event["kind"] == "daemon_started"]
                self.assertIsNone(started[0]["detail"]["killed_before"], started)
        finally:
            shutil.rmtree(folder)

    @staticmethod
    def request(lab):
        lab.near.run("curl", "-sS", "-o", "/dev/null", f"http://{lab.far.v4}/bytes/1000")
        lab.wait("the connection in the log",
                 lambda: lab.api.get("/api/v1/connections?port=80&limit=1")["items"])


class Refuses(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix=harness.PREFIX + "-")
        os.chmod(self.folder, 0o777)
        self.addCleanup(shutil.rmtree, self.folder)
        self.before = machine()
        self.addCleanup(lambda: self.assertEqual(self.before, machine()))

    def start(self, *options, prefix=(), program=harness.DAEMON, lab=True):
        """Runs a daemon that is expected to end by itself; its one line."""
        words = [*prefix, program, *(["--lab"] if lab else []), *options]
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, cwd=self.folder, check=False)
        self.assertNotEqual(0, done.returncode, done)
        lines = (done.stdout + done.stderr).strip().splitlines()
        print(f"{' '.join(os.path.basename(w) for w in words)}: {done.returncode}, {lines}")
        self.assertEqual(1, len(lines), lines)
        self.assertEqual("", done.stdout)
        self.assertTrue(lines[0].startswith("wobbled: "))
        self.assertNotRegex(lines[0], r"terminate called|what\(\)|std::|Traceback")
        return lines[0]

    def path(self, name):
        return os.path.join(self.folder, name)

    def test_second_daemon_same_port(self):
        with harness.Lab() as lab:
            line = self.start("--listen", f"127.0.0.1:{lab.api.port}", "--db", self.path("other.db"))
            self.assertIn(str(lab.api.port), line)
            self.assertEqual(200, lab.api.request("GET", "/healthz").status)

    def test_second_daemon_same_log(self):
        with harness.Lab() as lab:
            line = self.start("--listen", "127.0.0.1:0", "--db", lab.database)
            self.assertIn("journal.db", line)
            lab.near.run("curl", "-sS", "-o", "/dev/null", f"http://{lab.far.v4}/")
            self.assertEqual(200, lab.api.request("GET", "/healthz").status)

    def test_without_privileges(self):
        program = self.path("wobbled")
        shutil.copy(harness.DAEMON, program)
        os.chmod(program, 0o755)
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
                  "--inh-caps=-all")
        line = self.start("--listen", "127.0.0.1:0", "--db", self.path("nobody.db"), prefix=nobody, program=program)
        self.assertRegex(line, r"(?i)root|privilege|permi|CAP_")

    def test_without_tun(self):
        hide = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh")
        line = self.start("--listen", "127.0.0.1:0", "--db", self.path("tun.db"), prefix=hide)
        self.assertIn("/dev/net/tun", line)

    def test_log_that_cannot_be_made(self):
        for name in ("/proc/no/such/folder/journal.db", "/dev/null/journal.db", "/"):
            with self.subTest(name=name):
                self.start("--listen", "127.0.0.1:0", "--db", name)

    def test_log_that_is_something_else(self):
        with open(self.path("novel.db"), "w", encoding="ascii") as file:
            file.write("It was a dark and stormy night. " * 1000)
        line = self.start("--listen", "127.0.0.1:0", "--db", self.path("novel.db"))
        self.assertIn("novel.db", line)
        with open(self.path("novel.db"), encoding="ascii") as file:
            self.assertEqual("It was a dark and stormy night. " * 1000, file.read())

    def test_wrong_options(self):
        for options in (["--listen", "127.0.0.1"], ["--listen", "127.0.0.1:99999"], ["--listen", "nowhere:1"],
                        ["--seed", "minus"], ["--nonsense"], ["--listen", "0.0.0.0:0"]):
            with self.subTest(options=options):
                self.start("--db", self.path("options.db"), *options)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    harness.main("curl", "setpriv", "unshare", "sysctl", "ps")
