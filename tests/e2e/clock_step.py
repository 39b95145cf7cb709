"""The system's clock is set, and the machine sleeps, while a daemon runs (its own clock only: set_clock.cpp): it says so, what
follows bears the new time, `since` means what it says, and a capture over it tells what was told live."""

import contextlib
import datetime
import json
import os
import struct
import subprocess
import tempfile
import time
import unittest

import harness

SHIM = os.environ.get("WOBBLE_SET_CLOCK_LIBRARY", "")
HOUR = 3_600_000_000_000
PORT = 8200


def when(text):
    """RFC 3339 to nanoseconds."""
    whole, fraction = text.rstrip("Z").split(".")
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * 1_000_000_000 + int(fraction)


class ClockStep(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix=harness.PREFIX + "-")
        self.addCleanup(self.directory.cleanup)
        self.clock = os.path.join(self.directory.name, "clock")
        self.wall = self.boot = 0
        self.write()
        self.lab = harness.Lab(command=["env", f"LD_PRELOAD={SHIM}", f"WOBBLE_SET_CLOCK={self.clock}", harness.DAEMON])
        self.addCleanup(self.lab.stop)
        self.listener = self.lab.far.socket()
        self.addCleanup(self.listener.close)
        self.listener.bind((self.lab.far.v4, PORT))
        self.listener.listen(8)
        self.listener.settimeout(10)
        self.told = 0

    def write(self):
        with open(self.clock, "r+b" if os.path.exists(self.clock) else "wb") as file:
            file.write(struct.pack("qq", self.wall, self.boot))

    def step(self, wall, boot=0):
        """Returns the event that tells of it."""
        self.wall, self.boot = self.wall + wall, self.boot + boot
        self.write()

        def event():
            found = self.lab.api.get(f"/api/v1/events?kind=clock_stepped&since={self.told}")["items"]
            return found[-1] if found else None
        event = self.lab.wait("an event clock_stepped", event, 20)
        self.told = int(event["id"])
        return event

    def connect(self):
        """Opens, uses and closes a connection; its row, when it has ended."""
        with self.lab.near.socket() as client:
            client.settimeout(10)
            client.connect((self.lab.far.v4, PORT))
            port = client.getsockname()[1]
            server, _ = self.listener.accept()
            with server:
                client.sendall(b"hello")
                server.recv(5)

        def row():
            rows = self.lab.api.get(f"/api/v1/connections?port={port}")["items"]
            return rows[0] if rows and rows[0]["end"] == "orderly" else None
        return self.lab.wait("the connection's end", row)

    def since(self, ago):
        return {row["id"] for row in self.lab.api.get(f"/api/v1/connections?limit=100&since={ago}")["items"]}

    def now(self):
        return time.time_ns() + self.wall

    def check_time(self, text):
        self.assertLess(abs(when(text) - self.now()), HOUR // 6)

    def test_set_ahead_and_back_and_asleep(self):
        rows = [self.connect()]
        for wall, boot, said in ((8 * HOUR, 0, "set ahead by 8 h 0 min"), (-24 * HOUR, 0, "set back by 24 h 0 min"),
                                 (3 * HOUR, 3 * HOUR, "slept for 3 h 0 min")):
            event = self.step(wall, boot)
            self.assertIn(said, event["text"])
            self.check_time(event["at"])
            rows.append(self.connect())
            self.check_time(rows[-1]["opened_at"])
            note = self.lab.api.request("POST", "/api/v1/annotations", {"text": said}).json
            self.check_time(note["at"])
            of_it = self.lab.api.get(f"/api/v1/connections/{rows[-1]['id']}")["conditions"]
            self.assertEqual([1], [change["revision"] for change in of_it], "what was in force is known over the step")
            self.assertEqual({row["id"] for row in rows}, self.since("10m"), said)
            self.assertEqual({row["id"] for row in rows}, self.since("48h"), said)
        self.assertEqual(4, len({row["opened_at"][:13] for row in rows}))

    def test_a_temporary_change_ends_in_the_future(self):
        self.lab.patch({"up": {"delay": "5ms"}, "for": "10m"})
        self.step(8 * HOUR)
        ends = when(self.lab.api.get("/api/v1/links/lab")["reverts_at"])
        self.assertGreater(ends, self.now())
        self.assertLess(ends, self.now() + HOUR // 6)

    def test_a_capture_over_it_tells_what_was_told_live(self):
        path = os.path.join(self.directory.name, "over.pcapng")
        wobble = os.path.join(harness.BUILD, "wobble")
        command = harness.with_us(wobble, "capture", "lab", "-o", path, "--port", PORT, "--url", self.lab.url)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as capture, contextlib.ExitStack() as ends:
            ends.callback(capture.terminate)  # whatever happens: its end is waited for
            self.lab.wait("the capture's begin", lambda: os.path.exists(path) and os.path.getsize(path) > 0)
            rows = [self.connect()]
            for wall in (8 * HOUR, -24 * HOUR):
                self.step(wall)
                rows.append(self.connect())
            time.sleep(1.5)  # what is in its ring gets written
        document = json.loads(subprocess.run([wobble, "analyze", "--json", path], capture_output=True, text=True,
                                             check=True).stdout)
        told = document["connections"]
        self.assertEqual([row["opened_at"] for row in rows], [row["opened_at"] for row in told])
        for live, offline in zip(rows, told):
            moments = [[t["at"], t["side"], t["to"]] for t in self.lab.transitions(live["id"])]
            self.assertEqual(moments, [[t["at"], t["side"], t["to"]] for t in offline["transitions"]][:len(moments)])
            for key in ("end", "closed_by", "client", "server"):
                strip = lambda side: {k: v for k, v in side.items() if k != "state"} if isinstance(side, dict) else side
                self.assertEqual(strip(live[key]), strip(offline[key]))


if __name__ == "__main__":
    harness.main()
