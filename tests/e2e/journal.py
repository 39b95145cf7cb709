"""A stream of events that breaks off is taken up where it was, with nothing missed. (That the log survives a kill is
tested in journal_kills.py.)"""

import http.client
import json
import random
import socket
import threading
import time
import unittest

import chance
import harness

PORT = 8100


class Load:
    """Connections from near to far, one after another, each opened, used and closed; when each was established."""

    def __init__(self, lab):
        self.lab = lab
        self.established = {}  # client port: monotonic seconds
        self.listener = lab.far.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((lab.far.v4, PORT))
        self.listener.listen(64)
        self.listener.settimeout(5)

    def one(self):
        with self.lab.near.socket() as client:
            client.settimeout(5)
            client.connect((self.lab.far.v4, PORT))
            server, peer = self.listener.accept()
            with server:
                self.established[peer[1]] = time.monotonic()
                client.sendall(b"hello")
                server.recv(5)

    def run(self, seconds, pause=0.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.one()
            time.sleep(pause)

    def close(self):
        self.listener.close()


class Stream:
    """One reading of the event stream."""

    def __init__(self, lab, since=None, path="/api/v1/events", header=True):
        headers = {"Accept": "text/event-stream"}
        if since is not None and header:
            headers["Last-Event-ID"] = str(since)
        elif since is not None:
            path += f"?since={since}"
        deadline = time.monotonic() + 10
        while True:  # streams that hung up are noticed after a while; until then there may be too many
            self.connection = http.client.HTTPConnection(lab.api.host, lab.api.port, timeout=10)
            self.connection.request("GET", path, headers=headers)
            self.response = self.connection.getresponse()
            if self.response.status != 503 or time.monotonic() > deadline:
                break
            time.sleep(min(1.0, float(self.response.headers["Retry-After"])))
            self.close()
        assert self.response.status == 200, self.response.status
        assert self.response.headers["Content-Type"].startswith("text/event-stream")

    def next(self):
        """(id, kind, event); comments, and the greeting, which has no id, are passed over."""
        fields = {}
        while True:
            line = self.response.readline().decode("utf-8").rstrip("\r\n")
            if line.startswith(":"):
                continue
            if line:
                name, _, value = line.partition(":")
                fields[name] = fields.get(name, "") + value.removeprefix(" ")
            elif "id" not in fields:
                fields = {}
            else:
                return int(fields["id"]), fields.get("event"), json.loads(fields["data"])

    def close(self):
        self.connection.close()
        self.response.close()


class Resumes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(harness.Lab())

    def annotate(self, text):
        answer = self.lab.api.request("POST", "/api/v1/annotations", {"text": text})
        self.assertEqual(201, answer.status, answer)
        return answer.json["id"]

    def all_after(self, since):
        """Every event after `since`, by the list."""
        events = []
        while True:
            items = self.lab.api.get(f"/api/v1/events?since={since}&limit=1000")["items"]
            if not items:
                return events
            events += items
            since = items[-1]["id"]

    def check_resume(self, header):
        """Reads in pieces, hanging up in between, while the load goes on: what was read is what there is."""
        first = self.annotate("begin")
        load = Load(self.lab)
        seen, ends, rng = [], [], random.Random(3)

        def work():
            load.run(2.0, pause=0.004)
            ends.append(self.annotate("end"))
        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        since = first
        try:
            while not ends or since < ends[0]:
                stream = Stream(self.lab, since, header=header)
                for _ in range(rng.randrange(100, 1000)):
                    number, kind, event = stream.next()
                    self.assertGreater(number, since, "an event came twice or out of order")
                    self.assertEqual((number, kind), (event["id"], event["kind"]))
                    since = number
                    seen.append(event)
                    if ends and since >= ends[0]:
                        break
                stream.close()
        finally:
            worker.join(10)
            load.close()
        listed = [event for event in self.all_after(first) if event["id"] <= since]
        self.assertEqual([e["id"] for e in listed], [e["id"] for e in seen])
        self.assertEqual(listed, seen)
        self.assertGreater(len(seen), 500)
        kinds = {event["kind"] for event in seen}
        self.assertLessEqual({"connection_opened", "transition", "annotation"}, kinds)
        print(f"{len(seen)} events in pieces, kinds {sorted(kinds)}")

    def test_resume_by_header(self):
        self.check_resume(True)

    def test_resume_by_query(self):
        self.check_resume(False)

    def test_live_events_come_soon(self):
        since = self.annotate("before")
        stream = Stream(self.lab, since)
        waits = []
        for number in range(20):
            began = time.monotonic()
            self.annotate(f"live {number}")
            while stream.next()[2]["text"].find(f"live {number}") < 0:
                pass
            waits.append(time.monotonic() - began)
        stream.close()
        print(f"an annotation is in the stream after {1e3 * chance.median(waits):.0f} ms (median)")
        self.assertLess(chance.median(waits), 1.0)

    def test_many_streams_are_bounded_and_the_rest_works(self):
        streams, refused = [], 0
        try:
            for _ in range(200):
                connection = http.client.HTTPConnection(self.lab.api.host, self.lab.api.port, timeout=10)
                connection.request("GET", "/api/v1/events", headers={"Accept": "text/event-stream"})
                answer = connection.getresponse()
                streams.append((connection, answer))
                if answer.status != 200:
                    self.assertEqual(503, answer.status)
                    self.assertIn("Retry-After", answer.headers)
                    refused += 1
                    break
            print(f"{len(streams) - refused} streams at once, then {'503' if refused else 'no more tried'}")
            self.assertEqual(1, refused)
            self.assertEqual(200, self.lab.api.request("GET", "/healthz").status)
            self.lab.patch({"up": {"delay": "1ms"}})
            self.assertEqual(200, self.lab.api.request("POST", "/api/v1/reset").status)
        finally:
            for connection, answer in streams:
                answer.close()
                connection.close()


if __name__ == "__main__":
    harness.main()
