"""The worst that one request may hold, against a real daemon: each is answered or refused soon, others are served
meanwhile, what is named is kept once and given back, and SIGTERM ends the daemon in the middle of it."""

import http.client
import json
import os
import signal
import threading
import time
import unittest

import harness

LINK = "/api/v1/links/lab"
ROOM = 250_000


def steps(step, most=1000):
    """As many of a step as a body has room for."""
    text = json.dumps(step, separators=(",", ":"))
    return '{"scenario":[' + ",".join([text] * min(most, ROOM // (len(text) + 1))) + "]}"


WRONG_FIELDS = {f"{chr(97 + k % 26)}{k // 26}": 1 for k in range(32)}
HONEST = steps({"for": "1s", "both": {"delay": {"time": "80ms", "jitter": "5ms"}, "loss": "2%", "rate": "5mbit"}},
               most=100)
#: body of a PATCH that is refused
WORST = {
    "wrong fields in a thousand steps": steps({"for": "1s", "both": WRONG_FIELDS}),
    "forgotten units in a thousand steps": steps({"for": "1s", "both": {"delay": "80", "rate": "5", "loss": "2"}}),
    "unknown fields": json.dumps({"both": {f"f{k}": 1 for k in range(16_000)}}),
    "unknown words": json.dumps({"both": {"netem": "delya " * 40_000}}),
    "wrong moments": json.dumps({"up": {"trace": {"ms": [-1] * 60_000}}}),
    "missing files": json.dumps({"scenario": [{"for": "1s", "up": {"trace": f"/no/such/{k}"}} for k in range(1000)]}),
}


class WorstRequests(unittest.TestCase):
    def setUp(self):
        self.lab = harness.Lab()
        self.addCleanup(self.lab.stop)
        self.link = self.lab.api.request("POST", "/api/v1/links", {
            "name": "other", "attach": {"target": f"netns:{harness.PREFIX}-none", "follow": True}})
        self.assertEqual(201, self.link.status, self.link)

    def timed(self, method, path, body=None):
        began = time.monotonic()
        answer = self.lab.api.request(method, path, body)
        return answer, time.monotonic() - began

    def soon(self):
        """As long as a hundred honest requests of a tenth of the length take on this machine, and a second."""
        answer, took = self.timed("PATCH", LINK, HONEST)
        self.assertEqual(200, answer.status, answer)
        self.assertEqual(200, self.lab.api.request("POST", LINK + "/reset").status)
        return 1 + 100 * took

    def rss(self):
        with open(f"/proc/{self.lab.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) * 1024

    def big_trace(self, lines=400_000, name="big.trace"):
        path = os.path.join(self.lab.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"{k}\n" for k in range(1, lines + 1))
        return path

    def test_is_refused_soon(self):
        soon = self.soon()
        for name, body in WORST.items():
            with self.subTest(name):
                answer, took = self.timed("PATCH", LINK, body)
                self.assertEqual(422, answer.status, answer)
                self.assertLess(took, soon)
                self.assertLessEqual(len(answer.json["errors"]), 101)

    def test_others_are_served_meanwhile(self):
        soon = self.soon()
        ending = threading.Event()

        def pester(body):
            api = harness.Api(self.lab.url)
            while not ending.is_set():
                api.request("PATCH", LINK, body)
            api.close()

        pests = [threading.Thread(target=pester, args=(body,)) for body in list(WORST.values())[:3]]
        for pest in pests:
            pest.start()
        try:
            for _ in range(5):
                for method, path, body in (("PATCH", "/api/v1/links/other", {"up": {"delay": "1ms"}}),
                                           ("GET", "/healthz", None), ("GET", LINK, None)):
                    answer, took = self.timed(method, path, body)
                    self.assertEqual(200, answer.status, answer)
                    self.assertLess(took, 4 * soon, path)
        finally:
            ending.set()
            for pest in pests:
                pest.join()

    def test_a_trace_in_many_steps_is_kept_once_and_given_back(self):
        path, before = self.big_trace(), self.rss()
        once, took = self.timed("PATCH", LINK, {"scenario": [{"for": "1s", "up": {"trace": path}}]})
        self.assertEqual(200, once.status, once)
        with_one = self.rss()
        many, took_many = self.timed("PATCH", LINK, {"scenario": [{"for": "1s", "up": {"trace": path}}] * 60})
        self.assertEqual(200, many.status, many)
        self.assertLess(took_many, 1 + 5 * took)
        self.assertLess(len(many.text), 60 * 500)
        self.assertLess(self.rss() - with_one, 32 << 20, "kept once: sixty would be 96 MB")
        self.lab.api.request("POST", LINK + "/reset")
        self.assertLess(self.rss() - before, 16 << 20, "given back")
        # The log names the file as well, and does not hold it.
        events = self.lab.api.get("/api/v1/events?kind=conditions")["items"]
        self.assertTrue(all(len(json.dumps(event)) < 60 * 500 for event in events))

    def at_once(self, times, body):
        """Threads that send a PATCH each, and the list that their statuses go to."""
        statuses = []

        def ask():
            connection = http.client.HTTPConnection(self.lab.api.host, self.lab.api.port, timeout=60)
            try:
                connection.request("PATCH", LINK, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                statuses.append(answer.status)
            except (OSError, http.client.HTTPException):
                pass  # the daemon has ended
            finally:
                connection.close()

        threads = [threading.Thread(target=ask) for _ in range(times)]
        for thread in threads:
            thread.start()
        return threads, statuses

    def test_many_name_one_large_trace_at_once(self):
        soon = self.soon()
        body = steps({"for": "1s", "up": {"trace": self.big_trace(3_500_000)}})
        began = time.monotonic()
        pests, statuses = self.at_once(20, body)
        slowest = 0
        while any(pest.is_alive() for pest in pests):
            for method, path, change in (("PATCH", "/api/v1/links/other", {"up": {"delay": "1ms"}}),
                                         ("GET", "/healthz", None)):
                answer, took = self.timed(method, path, change)
                self.assertEqual(200, answer.status, answer)
                slowest = max(slowest, took)
        print(f"20 times 1,000 steps with 27 MB: {time.monotonic() - began:.2f} s; others meanwhile {slowest:.2f} s at most",
              flush=True)
        self.assertEqual([200] * 20, statuses)
        self.assertLess(slowest, soon)

    def test_sigterm_ends_the_reading_of_files(self):
        soon = 2 + self.soon()
        pests = []
        for number in range(4):  # different ones, so that they wait for each other
            path = self.big_trace(3_500_000, f"{number}.trace")
            pests += self.at_once(5, steps({"for": "1s", "up": {"trace": path}}))[0]
        time.sleep(0.1)
        began = time.monotonic()
        self.lab.process.send_signal(signal.SIGTERM)
        self.lab.process.wait(60)
        took = time.monotonic() - began
        print(f"the end while files are read: {took:.2f} s", flush=True)
        self.assertLess(took, soon)
        for pest in pests:
            pest.join()

    def test_a_trace_that_has_no_room_is_refused(self):
        small = harness.Lab("--memory", "1MiB")
        self.addCleanup(small.stop)
        answer = small.api.request("PATCH", LINK, {"up": {"trace": self.big_trace()}})
        self.assertEqual(422, answer.status, answer)
        self.assertIn("--memory", answer.json["error"])

    def test_a_table_in_many_steps_is_named(self):
        path = os.path.join(self.lab.directory, "x.dist")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"{k}\n" for k in range(16_000))
        delay = {"time": "1ms", "jitter": "1ms", "distribution": {"file": path}}
        answer = self.lab.api.request("PATCH", LINK, {"scenario": [{"for": "1s", "up": {"delay": delay}}] * 250})
        self.assertEqual(200, answer.status, answer)
        self.assertLess(len(self.lab.api.request("GET", LINK).text), 250 * 500)

    def test_sigterm_ends_it_in_the_middle(self):
        soon = 2 + self.soon()
        pests = []
        for body in WORST.values():
            api = harness.Api(self.lab.url)
            pests.append(threading.Thread(target=self.ask, args=(api, body)))
            pests[-1].start()
        self.lab.api.get("/healthz")
        began = time.monotonic()
        self.lab.process.send_signal(signal.SIGTERM)
        self.lab.process.wait(60)
        self.assertLess(time.monotonic() - began, soon)
        for pest in pests:
            pest.join()

    @staticmethod
    def ask(api, body):
        try:
            api.request("PATCH", LINK, body)
        except (OSError, harness.http.client.HTTPException):
            pass  # the daemon has ended
        finally:
            api.close()


if __name__ == "__main__":
    harness.main()
