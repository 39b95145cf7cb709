"""The questions people ask of a log, answered by its views, on a log of real connections whose answers are known; and
`wobble log` on the same file and daemon."""

import contextlib
import errno
import json
import os
import socket
import sqlite3
import struct
import subprocess
import time
import unittest

import harness

WOBBLE = os.path.join(harness.BUILD, "wobble")


class Views(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(harness.Lab())
        cls.ids = {}
        cls.talk()

    @classmethod
    def ask(cls, sql, *values):
        connection = sqlite3.connect(f"file:{cls.lab.database}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    @classmethod
    def one(cls, view, kind):
        """The row of this connection in the view, or None."""
        rows = cls.ask(f"SELECT * FROM {view} WHERE id = ?", cls.ids[kind])
        assert len(rows) <= 1, (view, kind, len(rows))
        return rows[0] if rows else None

    @classmethod
    def listen(cls, port):
        listener = cls.lab.far.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((cls.lab.far.v4, port))
        listener.listen(8)
        listener.settimeout(5)
        return listener

    @classmethod
    def pair(cls, listener, port):
        client = cls.lab.near.socket()
        client.settimeout(5)
        client.connect((cls.lab.far.v4, port))
        return client, listener.accept()[0]

    @classmethod
    def settle(cls, kind, port, condition):
        """Until the connection to this port is in the log and fulfils the condition."""
        def found():
            items = cls.lab.api.get(f"/api/v1/connections?port={port}")["items"]
            return items[0]["id"] if items and condition(items[0]) else None
        cls.ids[kind] = cls.lab.wait(kind, found)

    @classmethod
    def talk(cls):
        lab = cls.lab
        linger = struct.pack("ii", 1, 0)
        ended = lambda c: c["closed_at"] is not None
        for port, kind, first in ((9001, "client first", 0), (9002, "server first", 1)):
            with cls.listen(port) as listener:
                ends = cls.pair(listener, port)
                ends[first].close()
                assert ends[1 - first].recv(1) == b""
                # The period in CLOSE_WAIT that is asked for below; the kernel may take 40 ms to acknowledge the FIN.
                time.sleep(0.4 if first else 0)
                ends[1 - first].close()
                cls.settle(kind, port, ended)
        for port, kind, by in ((9003, "client resets", 0), (9004, "server resets", 1)):
            with cls.listen(port) as listener:
                ends = cls.pair(listener, port)
                ends[by].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                ends[by].close()
                with contextlib.suppress(ConnectionResetError):
                    assert ends[1 - by].recv(1) != b"", "a FIN came, no RST"
                ends[1 - by].close()
                cls.settle(kind, port, ended)
        with lab.near.socket() as client:
            assert client.connect_ex((lab.far.v4, 9005)) == errno.ECONNREFUSED
        cls.settle("refused", 9005, ended)
        lab.both(delay="40ms")
        with cls.listen(9006) as listener:
            for end in cls.pair(listener, 9006):
                end.close()
            cls.settle("delayed", 9006, ended)
        lab.put(up={"loss": "100%"})
        cls.syn = lab.near.socket()
        cls.syn.setblocking(False)
        cls.syn.connect_ex((lab.far.v4, 9007))
        cls.settle("syn dropped", 9007, lambda c: c["client"]["dropped"] >= 1)
        lab.put()
        with cls.listen(9008) as listener:
            cls.client, server = cls.pair(listener, 9008)
            lab.put(down={"loss": "100%"})
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            server.close()  # its RST is lost: the client knows nothing
            cls.settle("half open", 9008, lambda c: c["server"]["state"] == "CLOSED")
        lab.put()

    @classmethod
    def tearDownClass(cls):
        cls.syn.close()
        cls.client.close()

    def test_who_closed_first(self):
        self.assertEqual("client", self.one("closed_first", "client first")["closed_by"])
        self.assertEqual("server", self.one("closed_first", "server first")["closed_by"])
        self.assertEqual("server", self.one("closed_first", "server first")["closed_first"])
        self.assertIsNone(self.one("closed_first", "syn dropped"))

    def test_never_past_syn_sent(self):
        row = self.one("never_past_syn_sent", "syn dropped")
        self.assertGreaterEqual(row["syns_dropped_by_us"], 1)
        self.assertEqual(0, row["answers_dropped_by_us"])
        self.assertEqual(0, self.one("never_past_syn_sent", "refused")["syns_dropped_by_us"])
        self.assertIsNone(self.one("never_past_syn_sent", "client first"))

    def test_half_open_at_the_end(self):
        row = self.one("half_open_at_the_end", "half open")
        self.assertEqual(("ESTABLISHED", "CLOSED"), (row["client_state"], row["server_state"]))
        self.assertEqual(1, len(self.ask("SELECT * FROM half_open_at_the_end")))

    def test_resets_and_by_whom(self):
        by = {kind: self.one("resets", kind)["first_reset_from"]
              for kind in ("client resets", "server resets", "refused")}
        self.assertEqual({"client resets": "client", "server resets": "server", "refused": "server"}, by)
        self.assertIsNone(self.one("resets", "client first"))

    def test_unexplained_retransmissions(self):
        self.assertIsNone(self.one("unexplained_retransmissions", "syn dropped"), "our drops explain each of them")
        self.assertIsNone(self.one("unexplained_retransmissions", "client first"))

    def test_handshake_time_above_what_we_added(self):
        row = self.one("handshake_times", "delayed")
        self.assertGreaterEqual(row["added_by_us_ms"], 80)
        self.assertLess(row["added_by_us_ms"], 100)
        self.assertGreaterEqual(row["handshake_ms"], row["added_by_us_ms"])
        self.assertAlmostEqual(row["handshake_ms"] - row["added_by_us_ms"], row["above_ms"], places=6)
        self.assertLess(row["above_ms"], 40)
        self.assertLess(self.one("handshake_times", "client first")["added_by_us_ms"], 40)
        self.assertIsNone(self.one("handshake_times", "syn dropped"))

    def test_longer_than_in_state(self):
        rows = self.ask("SELECT * FROM state_periods WHERE state = 'CLOSE_WAIT' AND seconds > 0.3")
        self.assertEqual([(self.ids["server first"], "client")], [(row["id"], row["side"]) for row in rows])
        lasting = self.ask("SELECT * FROM state_periods WHERE until IS NULL AND id = ?", self.ids["half open"])
        self.assertEqual([("client", "ESTABLISHED")], [(row["side"], row["state"]) for row in lasting])

    def test_conditions_in_force(self):
        def asked(kind):
            return [json.loads(row["conditions"]) for row in self.ask(
                "SELECT conditions FROM connection_conditions WHERE id = ? ORDER BY at", self.ids[kind])]
        self.assertEqual([{"up": {}, "down": {}}], asked("client first"))
        self.assertEqual([{"up": {"delay": {"time": "40ms"}}, "down": {"delay": {"time": "40ms"}}}], asked("delayed"))
        self.assertEqual({"up": {"loss": {"random": "100%"}}, "down": {}}, asked("syn dropped")[0])
        self.assertIn({"up": {}, "down": {"loss": {"random": "100%"}}}, asked("half open"))
        shown = self.lab.api.get(f"/api/v1/connections/{self.ids['delayed']}")["conditions"]
        self.assertEqual(["40ms"], [c["up"]["delay"]["time"] for c in shown])
        self.assertEqual(self.ids["delayed"],
                         self.lab.api.get("/api/v1/connections?condition=delay")["items"][0]["id"])

    def test_no_gaps(self):
        self.assertEqual([], self.ask("SELECT * FROM log_gaps"))

    def test_wobble_log_from_both(self):
        def log(*words):
            run = subprocess.run([WOBBLE, "--url", self.lab.url, "--json", "log", *words], capture_output=True,
                                 text=True, timeout=30, check=True)
            return [json.loads(line) for line in run.stdout.splitlines()]
        everything = {c["id"] for c in log()}
        self.assertLessEqual(set(self.ids.values()), everything)
        for words in (["--end", "reset"], ["--condition", "delay"], ["--port", "9005"], ["--condition", "none"],
                      ["--address", self.lab.far.v4, "--closed-by", "server"], ["--until", "1h"]):
            with self.subTest(words=words):
                ids = [c["id"] for c in log(*words)]
                self.assertEqual(ids, [c["id"] for c in log(*words, "--db", self.lab.database)])
        self.assertEqual({self.ids["client resets"], self.ids["server resets"]}, {c["id"] for c in log("--end", "reset")})
        self.assertEqual([self.ids["refused"]], [c["id"] for c in log("--port", "9005")])
        self.assertEqual([], log("--until", "1h"))


class ImpossibleFile(unittest.TestCase):
    def start(self, database):
        run = subprocess.run([harness.DAEMON, "--lab", "--listen", "127.0.0.1:0", "--db", database],
                             capture_output=True, text=True, timeout=30)
        self.assertEqual(1, run.returncode, run)
        self.assertEqual(1, run.stderr.count("\n"), run.stderr)
        return run.stderr

    def test_says_what_to_do(self):
        directory = self.enterContext(harness.tempfile.TemporaryDirectory(prefix=harness.PREFIX))
        blocking = os.path.join(directory, "file")
        with open(blocking, "w", encoding="ascii") as file:
            file.write("in the way")
        database = os.path.join(blocking, "wobble.db")
        said = self.start(database)
        self.assertIn(f"the journal {database} cannot be made: {blocking} is not a folder; give another file", said)
        self.assertIn("it is a folder; give a file's name in it with --db", self.start(directory))
        harness.private_mounts()
        for options, cause in (("ro", "read-only file system"), ("size=8k", "no room is left on the disk")):
            mounted = os.path.join(directory, options.replace("=", "-"))
            os.mkdir(mounted)
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", mounted], check=True)
            self.assertIn(cause, self.start(os.path.join(mounted, "wobble.db")))
            subprocess.run(["umount", mounted], check=True)


if __name__ == "__main__":
    harness.main()
