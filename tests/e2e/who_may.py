"""Root and the daemon's own user use the API over loopback as they are; other users do not, unless they are let in."""

import grp
import json
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
import unittest

import harness

DEFAULT_SOCKET = "/run/wobble/wobble.sock"
NOBODY = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--"]


def setUpModule():
    harness.private_machine()


def curl(daemon, path, *options, user=(), headers=()):
    """Status and body."""
    words = [*user, "curl", "-sS", "-m", "10", "-w", "\n%{http_code}", *options]
    for header in headers:
        words += ["-H", header]
    done = subprocess.run([*words, daemon.url + path], capture_output=True, text=True, timeout=30, check=True)
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), body


class OverLoopback(unittest.TestCase):
    def test_the_owner_may_and_others_may_not(self):
        with harness.Lab() as lab:
            self.assertEqual(200, curl(lab, "/api/v1/links")[0])
            self.assertEqual(200, curl(lab, "/api/v1/links/lab", "-X", "PATCH", "-d", '{"up": {"delay": "1ms"}}')[0])
            revision = lab.api.get("/api/v1/links/lab")["revision"]
            tries = [("/api/v1/links",), ("/api/v1",), ("/metrics",), ("/api/v1/connections",),
                     ("/api/v1/links/lab", "-X", "PATCH", "-d", '{"both": {"outage": true}}'),
                     ("/api/v1/links", "-d", '{"attach": {"target": "host"}}'),
                     ("/api/v1/links/lab/capture?for=1s",), ("/api/v1/reset", "-X", "POST")]
            for path, *options in tries:
                status, body = curl(lab, path, *options, user=NOBODY)
                self.assertEqual(403, status, path)
                for help_ in ("--allow-user 65534", "--allow-group", "WOBBLE_TOKEN", "Unix socket"):
                    self.assertIn(help_, json.loads(body)["detail"])
            self.assertEqual(200, curl(lab, "/healthz", user=NOBODY)[0])
            self.assertEqual(200, curl(lab, "/", user=NOBODY)[0])
            self.assertEqual(revision, lab.api.get("/api/v1/links/lab")["revision"])

    def test_who_has_left_is_not_taken_for_root(self):
        """The kernel says of a socket that its program has closed that it is root's."""
        script = """if True:
            import socket, sys
            body = b'{"both": {"outage": true}}'
            head = b"PATCH /api/v1/links/lab HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body)
            for _ in range(300):
                with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as peer:
                    peer.sendall(head + body)
            """
        with harness.Lab() as lab:
            revision = lab.api.get("/api/v1/links/lab")["revision"]
            subprocess.run([*NOBODY, "python3", "-c", script, lab.api.host, str(lab.api.port)], timeout=60, check=True)
            time.sleep(0.5)
            self.assertEqual(revision, lab.api.get("/api/v1/links/lab")["revision"])

    def test_ipv6(self):
        with harness.Lab(lab=False, listen="[::1]:0") as daemon:
            self.assertEqual(200, curl(daemon, "/api/v1/links")[0])
            self.assertEqual(403, curl(daemon, "/api/v1/links", user=NOBODY)[0])

    def test_ipv4_on_a_socket_for_both(self):
        os.environ["WOBBLE_TOKEN"] = "s3cret"
        self.addCleanup(os.environ.pop, "WOBBLE_TOKEN", None)
        with harness.Lab("--allow-user", "nobody", lab=False, listen="[::]:0") as daemon:
            for host in ("[::1]", "127.0.0.1"):
                daemon.url = f"http://{host}:{daemon.api.port}"
                self.assertEqual(200, curl(daemon, "/api/v1/links", user=NOBODY)[0])
                self.assertEqual(401, curl(daemon, "/api/v1/links")[0])

    def test_users_and_groups_are_let_in(self):
        for options in (("--allow-user", "nobody"), ("--allow-user", "65534"), ("--allow-group", "nogroup")):
            with harness.Lab(*options, lab=False) as daemon:
                self.assertEqual(200, curl(daemon, "/api/v1/links", user=NOBODY)[0], options)
        for option, name in (("--allow-user", "no-such-user"), ("--allow-group", "no-such-group"), ("--files", "/nowhere")):
            done = subprocess.run([harness.DAEMON, option, name], capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(2, done.returncode)
            self.assertIn(f"{option}: '{name}'", done.stderr)

    def test_a_token(self):
        os.environ["WOBBLE_TOKEN"] = "s3cret"
        self.addCleanup(os.environ.pop, "WOBBLE_TOKEN", None)
        with harness.Lab(lab=False) as daemon:
            self.assertEqual(401, curl(daemon, "/api/v1/links", user=NOBODY)[0])
            self.assertEqual(200, curl(daemon, "/api/v1/links", user=NOBODY, headers=["Authorization: bearer s3cret"])[0])

    def test_a_daemon_of_ones_own(self):
        """One that is not root's is its own user's and root's, as that of `wobble run` is its caller's."""
        folder = tempfile.mkdtemp(prefix=harness.PREFIX + "-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        shutil.copy(harness.DAEMON, folder)
        for path in (folder, os.path.join(folder, "wobbled")):
            os.chmod(path, 0o755)
            os.chown(path, 54321, 54321)
        own = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups", "--"]
        command = [*own, os.path.join(folder, "wobbled")]
        with harness.Lab(lab=False, directory=folder, command=command) as daemon:
            self.assertEqual(200, curl(daemon, "/api/v1/links", user=own)[0])
            self.assertEqual(200, curl(daemon, "/api/v1/links")[0])
            self.assertEqual(403, curl(daemon, "/api/v1/links", user=NOBODY)[0])


class OverTheSocket(unittest.TestCase):
    def test_it_is_there_for_its_owner_and_group(self):
        with harness.Lab(lab=False, socket_path=None) as daemon:
            about = os.stat(DEFAULT_SOCKET)
            try:
                expected = (0o660, grp.getgrnam("wobble").gr_gid)
            except KeyError:
                expected = (0o600, 0)
            self.assertEqual(expected, (stat.S_IMODE(about.st_mode), about.st_gid))
            words = ["curl", "-sS", "--unix-socket", DEFAULT_SOCKET, "http://localhost/api/v1/links"]
            self.assertIn('"items"', subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout)
            self.assertEqual(7, subprocess.run([*NOBODY, *words], capture_output=True, timeout=30, check=False).returncode)
            self.assertIsNone(daemon.process.poll())
        self.assertFalse(os.path.exists(DEFAULT_SOCKET), "it is taken away")

    def test_the_command_finds_it(self):
        environment = {name: value for name, value in os.environ.items() if name != "WOBBLE_URL"}
        command = [os.path.join(harness.BUILD, "wobble"), "version"]
        with harness.Lab(lab=False, socket_path=None):
            done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, env=environment)
            self.assertIn("unix:" + DEFAULT_SOCKET, done.stdout)
        with harness.Lab(lab=False, socket_path="/run/other.sock"):
            done = subprocess.run([command[0], "--url", "unix:/run/other.sock", "--json", "status"], capture_output=True,
                                  text=True, timeout=30, check=True, env=environment)
            self.assertTrue(json.loads(done.stdout))

    def test_the_second_daemon_goes_without_unless_it_was_asked_for(self):
        with harness.Lab(lab=False, socket_path=None), harness.Lab(lab=False, socket_path=None) as second:
            self.assertEqual(200, curl(second, "/api/v1/links")[0])
            self.assertIn("is in use", second.stderr())
            done = subprocess.run([harness.DAEMON, "--listen", "127.0.0.1:0", "--db", "", "--socket", DEFAULT_SOCKET],
                                  capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(1, done.returncode)
            self.assertIn("is in use", done.stderr)
        # One that was killed leaves its file; the next takes it over.
        killed = harness.Lab(lab=False, socket_path=None)
        killed.process.kill()
        killed.stop()
        self.assertTrue(os.path.exists(DEFAULT_SOCKET))
        with harness.Lab(lab=False, socket_path=None):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(DEFAULT_SOCKET)


class Files(unittest.TestCase):
    def test_pipes_are_not_opened(self):
        pipe = f"/run/{harness.PREFIX}-pipe"
        os.mkfifo(pipe)
        self.addCleanup(os.unlink, pipe)
        with harness.Lab() as lab:
            # It waits for a reader. Had there been one, it would have gone on.
            writer = subprocess.Popen(harness.with_us("sh", "-c", f"echo x > {pipe}"))
            self.addCleanup(writer.wait)
            self.addCleanup(writer.kill)
            body = {"up": {"trace": {"file": pipe}}}
            self.assertEqual(422, lab.api.request("PATCH", "/api/v1/links/lab", body).status)
            self.assertEqual(422, lab.api.request("POST", "/api/v1/links", {"attach": {"target": "netns:" + pipe}}).status)
            time.sleep(0.3)
            self.assertIsNone(writer.poll())


if __name__ == "__main__":
    harness.main("curl")
