"""200 means in effect: the very next packet obeys. And a change does not happen over a stranger's head (If-Match), and
ends by itself when it was asked "for" a time."""

import time
import unittest

import chance
import harness
import udp_stream

REPEAT = 150


class InEffect(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(harness.Lab())

    def setUp(self):
        self.lab.put()

    def test_loss_on_and_off(self):
        with udp_stream.Stream(self.lab, self.lab.near, self.lab.far) as stream:
            for _ in range(REPEAT):
                self.lab.patch({"up": {"loss": "100%"}})
                stream.send()
                stream.wait_read()  # or the change after this one might meet it
                self.lab.patch({"up": {"loss": None}})
                number = stream.send()
                self.assertIsNotNone(stream.wait(number), f"packet {number} is lost, the loss was off")
            stream.finish()
            self.assertEqual(list(range(1, 2 * REPEAT, 2)), stream.numbers())

    def test_outage_on_and_off(self):
        with udp_stream.Stream(self.lab, self.lab.far, self.lab.near) as stream:
            for _ in range(REPEAT):
                self.lab.patch({"down": {"outage": True}})
                stream.send()
                stream.wait_read()
                self.lab.patch({"down": {"outage": False}})
                number = stream.send()
                self.assertIsNotNone(stream.wait(number), f"packet {number} is lost, the outage was off")
            stream.finish()
            self.assertEqual(list(range(1, 2 * REPEAT, 2)), stream.numbers())

    def test_delay_on_and_off(self):
        quick = []
        with udp_stream.Stream(self.lab, self.lab.near, self.lab.far) as stream:
            for _ in range(10):
                self.lab.patch({"up": {"delay": "250ms"}})
                self.assertGreaterEqual(stream.wait(stream.send()).delay, 0.250)
                self.lab.patch({"up": {"delay": None}})
                quick.append(stream.wait(stream.send()).delay)
        print(f"delay off: median {1e3 * chance.median(quick):.3f} ms, max {1e3 * max(quick):.3f} ms")
        self.assertLess(chance.median(quick), 0.250)

    def test_duplicate_on(self):
        with udp_stream.Stream(self.lab, self.lab.near, self.lab.far) as stream:
            for _ in range(30):
                self.lab.patch({"up": {"duplicate": "100%"}})
                twice = stream.send()
                stream.wait_read()
                self.lab.patch({"up": {"duplicate": None}})
                once = stream.send()
                self.assertIsNotNone(stream.wait(once))
            stream.finish()
            numbers = stream.numbers()
            self.assertEqual(2, numbers.count(twice))
            self.assertEqual(1, numbers.count(once))
            self.assertEqual(90, len(numbers))

    def test_what_is_in_flight_keeps_its_time(self):
        with udp_stream.Stream(self.lab, self.lab.near, self.lab.far) as stream:
            self.lab.patch({"up": {"delay": "300ms"}})
            slow = stream.send()
            stream.wait_read()
            self.lab.patch({"up": {"delay": None}})
            self.assertGreaterEqual(stream.wait(slow).delay, 0.300)

    def test_merge_replace_and_reset(self):
        self.lab.patch({"up": {"delay": "80ms", "loss": "2%"}, "down": {"rate": "5mbit"}})
        link = self.lab.patch({"up": {"delay": None}}).json
        self.assertEqual({"loss": {"random": "2%"}}, link["up"])
        self.assertEqual({"rate": "5mbit"}, link["down"])
        self.assertEqual(link["up"], self.lab.api.get("/api/v1/links/lab")["up"])
        link = self.lab.put(up={"delay": "1s"}).json
        self.assertEqual(({"delay": {"time": "1s"}}, {}), (link["up"], link["down"]))
        for path in ("/api/v1/links/lab/reset", "/api/v1/reset"):
            self.lab.put(up={"loss": "100%"})
            self.assertIn(self.lab.api.request("POST", path).status, (200, 204))
            with udp_stream.Stream(self.lab, self.lab.near, self.lab.far) as stream:
                self.assertIsNotNone(stream.wait(stream.send()))

    def test_if_match(self):
        link = self.lab.api.request("GET", "/api/v1/links/lab")
        tag = link.headers["etag"]
        self.assertEqual(f'"{link.json["revision"]}"', tag)
        first = self.lab.api.request("PATCH", "/api/v1/links/lab", {"up": {"delay": "1ms"}}, {"If-Match": tag})
        self.assertEqual(200, first.status)
        self.assertNotEqual(tag, first.headers["etag"])
        self.assertGreater(first.json["revision"], link.json["revision"])
        late = self.lab.api.request("PATCH", "/api/v1/links/lab", {"up": {"delay": "2ms"}}, {"If-Match": tag})
        self.assertEqual(412, late.status, late)
        self.assertIn("error", late.json)
        self.assertEqual({"delay": {"time": "1ms"}}, self.lab.api.get("/api/v1/links/lab")["up"])

    def test_for_reverts(self):
        self.lab.patch({"up": {"delay": "1ms"}})
        began = time.monotonic()
        changed = self.lab.patch({"up": {"loss": "100%"}, "for": "400ms"}).json
        self.assertIsNotNone(changed["reverts_at"])
        with udp_stream.Stream(self.lab, self.lab.near, self.lab.far) as stream:
            lost = stream.send()
            stream.wait_read()
            link = self.lab.wait("the change to revert", lambda: (
                link if (link := self.lab.api.get("/api/v1/links/lab"))["reverts_at"] is None else None))
            self.assertGreaterEqual(time.monotonic() - began, 0.4)
            self.assertEqual({"delay": {"time": "1ms"}}, link["up"])
            self.assertIsNotNone(stream.wait(stream.send()))
            self.assertNotIn(lost, stream.numbers())

    def test_changes_for_a_while_stack(self):
        """The newest comes first to its end and gives way to the one before; a lasting change settles all."""
        self.lab.patch({"up": {"delay": "1ms"}})
        self.lab.patch({"up": {"delay": "5ms"}, "for": "1m"})
        self.lab.patch({"up": {"delay": "9ms"}, "for": "200ms"})
        self.lab.wait("the newer change to revert", lambda: self.delay() == "5ms")
        self.assertIsNotNone(self.lab.api.get("/api/v1/links/lab")["reverts_at"])
        self.lab.patch({"up": {"delay": "7ms"}})
        self.assertIsNone(self.lab.api.get("/api/v1/links/lab")["reverts_at"])

    def test_each_field_comes_back_at_its_own_time(self):
        """Whatever is changed beside it."""
        self.lab.api.request("PUT", "/api/v1/links/lab", {})
        self.lab.patch({"up": {"delay": "9ms"}, "for": "600ms"})
        self.lab.patch({"down": {"delay": "5ms"}, "for": "1m"})
        changed = self.lab.patch({"up": {"loss": "1%"}}).json
        self.assertEqual(["/up/delay", "/down/delay"], [back["pointer"] for back in changed["temporary"]])
        self.assertEqual(changed["reverts_at"], changed["temporary"][0]["at"])
        link = self.lab.wait("the first to come back", lambda: (
            link if "delay" not in (link := self.lab.api.get("/api/v1/links/lab"))["up"] else None))
        self.assertEqual({"loss": {"random": "1%"}}, link["up"])
        self.assertEqual({"delay": {"time": "5ms"}}, link["down"])
        ended = self.lab.api.request("DELETE", "/api/v1/links/lab/temporary")
        self.assertEqual(({"loss": {"random": "1%"}}, {}, []),
                         (ended.json["up"], ended.json["down"], ended.json["temporary"]))
        self.assertEqual({"delay": {"time": "5ms"}},
                         self.lab.api.request("POST", "/api/v1/links/lab/revert").json["down"])

    def delay(self):
        return self.lab.api.get("/api/v1/links/lab")["up"]["delay"]["time"]


if __name__ == "__main__":
    harness.main()
