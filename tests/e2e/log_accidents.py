"""What happens to the log's file while a daemon writes it (removed, moved, its write-ahead log removed, cut off, no room
on its disk, a reader that never ends): health says so within five seconds, an event says what is lost, and the log goes
on. And a copy of a log is read, or refused with the true reason."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest

import harness

PORT = 8300
NOTICED = 5  # seconds, as SCHEMA.md says


class Accidents(unittest.TestCase):
    def begin(self, *options, directory=None):
        self.lab = harness.Lab(*options, directory=directory)
        self.addCleanup(self.lab.stop)
        self.listener = self.lab.far.socket()
        self.addCleanup(self.listener.close)
        self.listener.bind((self.lab.far.v4, PORT))
        self.listener.listen(8)
        self.listener.settimeout(10)

    def open(self):
        client = self.lab.near.socket()
        self.addCleanup(client.close)
        client.settimeout(10)
        client.connect((self.lab.far.v4, PORT))
        server, _ = self.listener.accept()
        self.addCleanup(server.close)
        return client, server, client.getsockname()[1]

    def close(self, client, server, port):
        client.close()
        server.recv(1)
        server.close()
        return self.row(port, "orderly")

    def row(self, port, end):
        def found():
            answer = self.lab.api.request("GET", f"/api/v1/connections?port={port}")
            if answer.status != 200:  # the file is just being exchanged
                self.assertEqual(503, answer.status, answer)
                return None
            rows = answer.json["items"]
            return rows[0] if rows and rows[0]["end"] == end else None
        return self.lab.wait(f"the connection from port {port} to be told as {end}", found)

    def health(self):
        answer = self.lab.api.request("GET", "/healthz")
        return answer.status, answer.text

    def noticed(self, what):
        """Health says no, with the reason, soon."""
        began = time.monotonic()
        text = self.lab.wait(f"health to say: {what}",
                             lambda: (lambda h: h[1] if h[0] == 503 and what in h[1] else None)(self.health()), 20)
        took = time.monotonic() - began
        print(f"{what}: noticed after {took:.1f} s")
        self.assertLess(took, 2 * NOTICED)
        return text

    def event(self, kind):
        def found():
            answer = self.lab.api.request("GET", f"/api/v1/events?kind={kind}")
            return answer.json["items"][-1] if answer.status == 200 and answer.json["items"] else None
        return self.lab.wait(f"an event {kind}", found, 20)

    def begun_anew(self, what, accident):
        """Two connections that have ended, one that lives, the accident; then what must be true."""
        for _ in range(2):
            self.close(*self.open())
        living = self.open()
        self.row(living[2], "open")
        accident()
        self.noticed(what)
        event = self.event("log_renewed")
        self.assertIn(what, event["text"])
        self.assertTrue(os.path.exists(self.lab.database))
        self.close(*living)
        ended = self.close(*self.open())
        self.lab.wait("health to be good again", lambda: self.health()[0] == 200, 20)
        self.assertIn(what, self.health()[1], "it is still told")
        self.assertIn(what, self.lab.stderr())
        database = self.lab.database
        self.assertEqual(0, self.lab.stop() if self.lab._own_directory is False else 0)
        return event["detail"], ended, database

    def folder(self):
        directory = tempfile.mkdtemp(prefix=harness.PREFIX + "-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        return directory

    def rows(self, database):
        with sqlite3.connect(database) as connection:
            self.assertEqual("ok", connection.execute("PRAGMA integrity_check").fetchone()[0])
            return connection.execute("SELECT count(*) FROM connections").fetchone()[0]

    def test_removed(self):
        self.begin(directory=self.folder())

        def remove():
            for suffix in ("", "-wal", "-shm"):
                os.remove(self.lab.database + suffix)
        detail, _, database = self.begun_anew("was removed", remove)
        self.assertEqual((True, 2), (detail["is_new"], detail["connections"]))
        self.assertEqual(2, self.rows(database))

    def test_moved(self):
        self.begin(directory=self.folder())
        elsewhere = os.path.join(self.lab.directory, "elsewhere.db")
        detail, _, database = self.begun_anew("was moved away", lambda: os.rename(self.lab.database, elsewhere))
        self.assertEqual(2, detail["connections"])
        self.assertEqual(2, self.rows(database))
        self.assertEqual(3, self.rows(elsewhere), "all of before is there")

    def test_write_ahead_log_removed(self):
        self.begin(directory=self.folder())
        detail, _, database = self.begun_anew("has lost its write-ahead log",
                                              lambda: os.remove(self.lab.database + "-wal"))
        self.assertEqual((False, 0), (detail["is_new"], detail["connections"]))
        self.assertEqual(4, self.rows(database))

    def test_cut_off(self):
        self.begin(directory=self.folder())
        detail, _, database = self.begun_anew("was cut off", lambda: os.truncate(self.lab.database, 0))
        self.assertTrue(os.path.exists(detail["aside"]))
        self.assertGreaterEqual(self.rows(database), 1)

    def test_index_of_the_write_ahead_log_cut_off(self):
        """SQLite has it mapped: to touch what is gone would end the daemon by SIGBUS."""
        self.begin(directory=self.folder())
        detail, _, database = self.begun_anew("has lost the index of its write-ahead log",
                                              lambda: os.truncate(self.lab.database + "-shm", 0))
        self.assertEqual((False, 0, 0), (detail["is_new"], detail["connections"], detail["events"]))
        self.assertEqual(4, self.rows(database))

    def test_older_copy_over_it(self):
        """A backup is copied back while the daemon writes."""
        directory = self.folder()
        self.begin(directory=directory)
        self.close(*self.open())
        backup = os.path.join(directory, "backup")
        os.mkdir(backup)

        def copy(source, target):
            for suffix in ("", "-shm", "-wal"):
                subprocess.run(["cp", os.path.join(source, "journal.db" + suffix), target], check=True)

        def annotate(text):
            return self.lab.api.request("POST", "/api/v1/annotations", {"text": text}).status
        copy(directory, backup)
        self.assertEqual([201] * 20, [annotate("soon gone") for _ in range(20)])
        self.lab.wait("them in the log", lambda: len(self.lab.api.get("/api/v1/events?kind=annotation")["items"]) == 20)
        copy(backup, directory)
        self.assertIn(annotate("afterwards"), (201, 503))
        self.lab.wait("health to say it", lambda: self.health()[0] == 503, 2 * NOTICED)
        self.assertGreaterEqual(self.event("log_renewed")["detail"]["events"], 20)
        self.lab.wait("health to be good again", lambda: self.health()[0] == 200, 20)
        self.assertEqual(201, annotate("later"))

    def test_no_more_files_is_the_cause_that_is_named(self):
        for most in range(8, 40, 2):
            with self.subTest(most=most):
                words = ["prlimit", f"--nofile={most}", harness.DAEMON, "--db", "", "--listen", "127.0.0.1:0", "--socket",
                         "none"]
                try:
                    ran = subprocess.run(harness.with_us("timeout", "5", *words), capture_output=True, text=True,
                                         timeout=30, check=False)
                except subprocess.TimeoutExpired as error:
                    raise AssertionError(f"with {most} files it neither runs nor ends") from error
                if ran.returncode in (0, 124):
                    break  # enough
                self.assertNotIn("run as root", ran.stderr)
                self.assertRegex(ran.stderr, "no more files may be open|[Tt]oo many open files|no (memory or no )?descriptors")

    def test_replaced(self):
        self.begin()
        self.close(*self.open())
        os.rename(self.lab.database, self.lab.database + ".old")
        with open(self.lab.database, "w", encoding="ascii") as file:
            file.write("somebody's")
        self.noticed("another file stands at its path")
        self.assertEqual(503, self.lab.api.request("GET", "/api/v1/connections").status)
        with open(self.lab.database, encoding="ascii") as file:
            self.assertEqual("somebody's", file.read())
        os.remove(self.lab.database)
        self.event("log_renewed")
        self.close(*self.open())

    def test_no_room(self):
        directory = self.folder()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", directory], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", directory], check=True)
        self.begin(directory=directory)
        self.close(*self.open())
        filler = os.path.join(directory, "filler")
        with open(filler, "wb") as file:
            with self.assertRaises(OSError):
                while True:
                    file.write(bytes(65536))
                    file.flush()

        def full():
            client, server, _ = self.open()
            client.close()
            server.close()
            status, text = self.health()
            return status == 503 and "cannot be written" in text
        self.lab.wait("health to say that the log cannot be written", full, 30)
        os.remove(filler)
        self.assertIn("could not be written from", self.event("log_interrupted")["text"])
        self.close(*self.open())
        self.assertEqual(200, self.health()[0])

    def test_a_question_has_a_bound_and_the_end_does_not_wait(self):
        self.begin()
        self.close(*self.open())
        self.assertEqual(200, self.lab.api.request("GET", "/api/v1/connections?condition=loss&port=1").status)
        began = time.monotonic()
        self.assertEqual(0, self.lab.stop())
        self.assertLess(time.monotonic() - began, 10)


class Copies(unittest.TestCase):
    """Of a log, read by `wobble log --db`."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix=harness.PREFIX + "-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.log = os.path.join(cls.directory, "journal.db")
        lab = harness.Lab(directory=cls.directory)
        shutil.copy(cls.log, os.path.join(cls.directory, "torn.db"))  # and not its -wal
        lab.near.run("ping", "-c", "1", lab.far.v4)
        lab.wait("the flow", lambda: lab.api.get("/api/v1/flows")["items"])
        for suffix in ("", "-wal"):
            shutil.copy(cls.log + suffix, os.path.join(cls.directory, "both.db" + suffix))
        assert lab.stop() == 0

    def read(self, path):
        wobble = os.path.join(harness.BUILD, "wobble")
        return subprocess.run([wobble, "log", "--db", path, "--protocol", "all", "--json"], capture_output=True,
                              text=True, timeout=30, check=False)

    def read_only(self, *names):
        """A file system of its own with these, that nobody can write."""
        place = tempfile.mkdtemp(prefix=harness.PREFIX + "-")
        self.addCleanup(os.rmdir, place)
        subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=True)
        for name in names:
            shutil.copy(os.path.join(self.directory, name), place)
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        return os.path.join(place, names[0])

    def test_read_only(self):
        answer = self.read(self.read_only("journal.db"))
        self.assertEqual((0, ""), (answer.returncode, answer.stderr))
        self.assertIn("icmp", answer.stdout)

    def test_with_its_write_ahead_log(self):
        answer = self.read(os.path.join(self.directory, "both.db"))
        self.assertEqual((0, ""), (answer.returncode, answer.stderr))
        self.assertIn("icmp", answer.stdout)

    def test_read_only_with_its_write_ahead_log(self):
        answer = self.read(self.read_only("both.db", "both.db-wal"))
        self.assertNotEqual(0, answer.returncode)
        self.assertIn("to read that the folder must be writable", answer.stderr)

    def test_without_its_write_ahead_log(self):
        answer = self.read(os.path.join(self.directory, "torn.db"))
        self.assertNotEqual(0, answer.returncode)
        self.assertIn("it was copied without", answer.stderr)


if __name__ == "__main__":
    harness.private_mounts()
    harness.main("mount", "ping")
