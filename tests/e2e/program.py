"""What the daemon starts: an `ip` that hangs holds up neither the API nor the daemon's end, and a daemon with rights that its
caller lacks starts no program of the caller's. In a machine of this test's own."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import unittest

import harness
import ways

HANGS = "#!/bin/sh\necho $$ >> {seen}\nexec sleep 1000\n"
TELLS = "#!/bin/sh\ngrep CapEff /proc/self/status > {seen}\nexec /usr/sbin/ip \"$@\"\n"
CAPABILITIES = "cap_net_admin,cap_net_bind_service,cap_net_raw,cap_sys_admin,cap_sys_ptrace"


def setUpModule():
    harness.private_machine()


class Program(unittest.TestCase):
    def setUp(self):
        self.folder = ways.folder()
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)
        self.before = ways.machine()

    def tearDown(self):
        self.assertEqual(self.before, ways.machine())

    def program(self, name, text):
        """A folder with this program, for PATH; and the file in which it tells that it ran."""
        folder = os.path.join(self.folder, "programs")
        os.makedirs(folder, exist_ok=True)
        seen = os.path.join(self.folder, "seen")
        path = os.path.join(folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text.format(seen=seen))
        os.chmod(path, 0o755)
        return folder, seen

    def hanging(self):
        folder, seen = self.program("ip", HANGS)
        return ["env", f"PATH={folder}:{os.environ['PATH']}", harness.DAEMON], seen

    def ask(self, daemon, method, path, body=None):
        """The status, what was said, and after how many seconds; over a connection of its own."""
        began = time.monotonic()
        connection = http.client.HTTPConnection(daemon.api.host, daemon.api.port, timeout=60)
        try:
            connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), time.monotonic() - began
        finally:
            connection.close()

    def assert_gone(self, seen):
        """What hung has ended."""
        with open(seen, encoding="ascii") as file:
            processes = file.read().split()
        self.assertTrue(processes)
        ways.wait("what hung to end", lambda: not any(os.path.exists(f"/proc/{process}") for process in processes))

    def test_a_hanging_ip_holds_one_worker(self):
        """M2: it took all of them, one for each POST; /healthz and SIGTERM had no answer."""
        command, seen = self.hanging()
        with ways.Daemon(command=command) as daemon:
            answers = []
            threads = [threading.Thread(target=lambda: answers.append(
                self.ask(daemon, "POST", "/api/v1/links", {"run": {}}))) for _ in range(60)]
            for thread in threads:
                thread.start()
            ways.wait("ip to be started", lambda: os.path.exists(seen))
            time.sleep(0.5)
            status, _, seconds = self.ask(daemon, "GET", "/healthz")
            print(f"/healthz beside 60 requests for a link: {status} after {seconds:.2f} s")
            self.assertEqual(200, status)
            self.assertLess(seconds, 4)
            for thread in threads:
                thread.join(60)
            texts = [text for status, text, _ in answers if status == 503]
            self.assertEqual(60, len(texts), [answer[:2] for answer in answers])
            self.assertTrue(any("did not end within 10 s and was killed" in text for text in texts), texts)
            self.assertTrue(any("another link is being set up or taken down" in text for text in texts), texts)
            self.assertEqual([], daemon.api.get("/api/v1/links")["items"])
            self.assert_gone(seen)

    def test_a_hanging_ip_does_not_hold_up_the_end(self):
        command, seen = self.hanging()
        daemon = ways.Daemon(command=command)
        thread = threading.Thread(target=lambda: self.swallow(daemon))
        thread.start()
        ways.wait("ip to be started", lambda: os.path.exists(seen))
        began = time.monotonic()
        self.assertEqual(0, daemon.stop(seconds=30))
        print(f"SIGTERM while ip hangs: ended after {time.monotonic() - began:.2f} s")
        self.assertLess(time.monotonic() - began, 5)
        thread.join(30)
        self.assert_gone(seen)

    def swallow(self, daemon):
        try:
            self.ask(daemon, "POST", "/api/v1/links", {"run": {}})
        except (OSError, http.client.HTTPException):  # the daemon has ended meanwhile
            pass

    def test_a_hanging_ip_does_not_hold_up_the_end_of_the_start(self):
        command, seen = self.hanging()
        process = subprocess.Popen(harness.with_us(*command, "--lab", "--db", "", "--listen", "127.0.0.1:0"),
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        ways.wait("ip to be started", lambda: os.path.exists(seen))
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
        print(f"SIGTERM at the start while ip hangs: ended after {time.monotonic() - began:.2f} s")
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual((0, ""), (process.returncode, said))
        self.assert_gone(seen)

    def test_the_callers_programs_get_none_of_our_rights(self):
        """F11: a daemon whose file carries capabilities handed them to whatever `ip` its caller had in PATH."""
        folder, seen = self.program("ip", TELLS)
        os.chmod(self.folder, 0o777)
        ways.run("mount", "-t", "tmpfs", "none", "/dev/net")  # for this test alone, with a device that nobody may open too
        self.addCleanup(ways.run, "umount", "/dev/net")
        ways.run("mknod", "-m", "666", "/dev/net/tun", "c", "10", "200")
        daemon = os.path.join(self.folder, "wobbled")
        shutil.copy(harness.DAEMON, daemon)
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", f"PATH={folder}:{os.environ['PATH']}"]
        for capabilities in (None, CAPABILITIES):
            if capabilities:
                subprocess.run(["setcap", f"{capabilities}=p", daemon], check=True)
            process = subprocess.Popen(harness.with_us(*as_nobody, daemon, "--lab", "--db", "", "--listen", "127.0.0.1:0"),
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder)
            said = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
            if capabilities:
                self.assertRegex(said, "wobbled: http://")
                self.assertFalse(os.path.exists(seen), "the caller's ip ran with our rights")
            else:
                self.assertNotIn("http://", said)  # no rights, no lab
        # And where the rights are the caller's own, so is the PATH.
        with ways.Daemon(command=["env", f"PATH={folder}:{os.environ['PATH']}", harness.DAEMON]) as root:
            root.create(run={})
            self.assertTrue(os.path.exists(seen))


if __name__ == "__main__":
    harness.main("setcap", "setpriv", "nft")
