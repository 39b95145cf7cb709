"""Bad input to the API: a clear error that names what is wrong, nothing changed, nobody dead."""

import json
import os
import subprocess
import unittest

import harness

LINK = "/api/v1/links/lab"
KEPT = {"up": {"delay": {"time": "1ms"}, "loss": {"random": "1%"}}, "down": {"rate": "100mbit"}}

#: body of a PATCH, and pointers every one of which must be named among the errors
WRONG = [
    ({"up": {"delay": 80}}, ["/up/delay"]),
    ({"up": {"delay": "80"}}, ["/up/delay"]),
    ({"up": {"delay": "80 parsecs"}}, ["/up/delay"]),
    ({"up": {"delay": "-5ms"}}, ["/up/delay"]),
    ({"up": {"delay": "1000h"}}, ["/up/delay"]),
    ({"up": {"delay": ["80ms"]}}, ["/up/delay"]),
    ({"up": {"delay": True}}, ["/up/delay"]),
    ({"up": {"delay": {"time": "80ms", "jiter": "1ms"}}}, ["/up/delay/jiter"]),
    ({"up": {"delay": {"time": "80ms", "distribution": "pareto9"}}}, ["/up/delay/distribution"]),
    ({"up": {"delay": {"time": "80ms", "reorder": "yes"}}}, ["/up/delay/reorder"]),
    ({"up": {"loss": 2}}, ["/up/loss"]),
    ({"up": {"loss": "200%"}}, ["/up/loss"]),
    ({"up": {"loss": "-1%"}}, ["/up/loss"]),
    ({"up": {"loss": "nan%"}}, ["/up/loss"]),
    ({"up": {"loss": {"random": "1%", "gilbert_elliott": {"p": "1%", "r": "10%"}}}}, ["/up/loss"]),
    ({"up": {"rate": "5mbps"}}, ["/up/rate"]),
    ({"up": {"rate": "5"}}, ["/up/rate"]),
    ({"up": {"rate": "99999999999999999999gbit"}}, ["/up/rate"]),
    ({"up": {"queue": {"limit": "3bananas"}}}, ["/up/queue/limit"]),
    ({"up": {"outage": "on"}}, ["/up/outage"]),
    ({"up": {"outage": {"up_for": "1s"}}}, ["/up/outage"]),
    ({"up": {"corrupt": {"percent": "1%", "bits": 0}}}, ["/up/corrupt/bits"]),
    ({"up": {"corrupt": {"percent": "1%", "bits": 1e300}}}, ["/up/corrupt/bits"]),
    ({"up": {"reorder": {"percent": "1%", "by": "0packets"}}}, ["/up/reorder"]),
    ({"up": {"speed": "1mbit"}}, ["/up/speed"]),
    ({"upp": {"delay": "1ms"}}, ["/upp"]),
    ({"up": "delay"}, ["/up"]),
    ({"up": []}, ["/up"]),
    ({"both": {"delay": "1ms"}, "up": {"delay": "1ms"}}, []),
    ({"up": {"netem": "delay 100ms loss"}}, ["/up"]),
    ({"up": {"netem": "frobnicate 3"}}, ["/up"]),
    ({"up": {"delay": "80ms"}, "for": "soon"}, ["/for"]),
    ({"up": {"delay": "80ms"}, "for": 10}, ["/for"]),
    ({"up": {"delay": "x", "loss": "y"}, "down": {"rate": "z"}}, ["/up/delay", "/up/loss", "/down/rate"]),
    ({"up": {"delay": "80ms"}, "down": {"loss": "many"}}, ["/down/loss"]),  # the half that is right is not applied
    ({"name": "other"}, ["/name"]),
]

#: not a JSON object at all
GARBAGE = [b"", b"{", b'{"up": {"delay": "80ms"}', b'{"up": {"delay": "80ms"}} tail', b"[]", b"null", b"3", b'"up"',
           b"\xff\xfe\x00{", b'{"up": {"delay": "\xc3\x28"}}', b"[" * 100_000, b'{"a":' * 50_000,
           b'{"up": ' + b'{"up": ' * 10_000 + b"{}" + b"}" * 10_001]


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(harness.Lab())
        cls.lab.put(**KEPT)

    def setUp(self):
        self.before = self.lab.api.get(LINK)
        self.assertEqual(KEPT, {side: self.before[side] for side in KEPT})

    def tearDown(self):
        self.assertTrue(self.lab.is_alive())
        self.assertEqual(200, self.lab.api.request("GET", "/healthz").status)
        self.assertEqual(self.before, self.lab.api.get(LINK))

    def check_problem(self, answer, what, status=range(400, 500)):
        self.assertIn(answer.status, status, f"{what}: {answer!r}")
        self.assertIn("application/problem+json", answer.headers["content-type"], what)
        self.assertEqual(answer.status, answer.json["status"])
        self.assertTrue(answer.json["title"] and answer.json["error"], f"{what}: {answer!r}")
        self.assertNotIn("\n", answer.json["error"])

    def test_wrong_values_are_each_named(self):
        for method in ("PATCH", "PUT"):
            for body, pointers in WRONG:
                with self.subTest(method=method, body=body):
                    answer = self.lab.api.request(method, LINK, body)
                    self.check_problem(answer, body)
                    named = [error["pointer"] for error in answer.json.get("errors", [])]
                    for pointer in pointers:
                        self.assertTrue(any(name == pointer or name.startswith(pointer + "/") for name in named),
                                        f"{pointer} is not among {named}: {answer!r}")
                    self.assertTrue(all(error["detail"] for error in answer.json.get("errors", [])))

    def test_the_right_spelling_is_told(self):
        for body, hint in (({"up": {"delay": 80}}, "80ms"), ({"up": {"loss": 2}}, "2%"),
                           ({"up": {"rate": "5mbps"}}, "mbit"), ({"up": {"dealy": "1ms"}}, "delay")):
            with self.subTest(body=body):
                self.assertIn(hint, self.lab.api.request("PATCH", LINK, body).text)

    def test_garbage_and_truncated_json(self):
        for body in GARBAGE:
            for method in ("PATCH", "PUT"):
                with self.subTest(method=method, body=body[:40]):
                    answer = self.lab.api.request(method, LINK, body, {"Content-Type": "application/json"})
                    self.check_problem(answer, body[:40])

    def test_large_bodies(self):
        for body in (b"x" * (1 << 20), json.dumps({"up": {"x" * (1 << 20): 1}}).encode(),
                     json.dumps({"up": {f"f{n}": n for n in range(80_000)}}).encode()):
            for path in (LINK, "/api/v1/annotations"):
                with self.subTest(body=body[:20], path=path):
                    method = "PATCH" if path == LINK else "POST"
                    self.lab.api.close()
                    try:
                        answer = self.lab.api.request(method, path, body)
                        self.assertIn(answer.status, range(400, 500), answer)
                        self.assertLess(len(answer.text), 1 << 20)
                    except (ConnectionError, TimeoutError):
                        pass  # it may hang up before it has read all
                    self.lab.api.close()

    def test_foreign_host_and_origin(self):
        body = json.dumps({"up": {"delay": "999ms"}})
        for headers in ({"Host": "evil.example"}, {"Host": "evil.example:7979"}, {"Origin": "http://evil.example"},
                        {"Origin": "null"}, {"Origin": f"http://127.0.0.1:{self.lab.api.port + 1}"},
                        {"Host": "127.0.0.1.evil.example"}, {"Host": ""}):
            for method in ("PATCH", "PUT"):
                with self.subTest(headers=headers, method=method):
                    answer = self.lab.api.request(method, LINK, body, headers)
                    self.assertIn(answer.status, (400, 401, 403, 421), answer)
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            answer = self.lab.api.request("GET", LINK, None, headers)
            self.assertIn(answer.status, (400, 403, 421), answer)
            self.assertNotIn("access-control-allow-origin", answer.headers)

    def test_writes_must_be_json(self):
        """A page of another site can send three kinds of body without being asked: none of them is taken from it.
        `curl -d` says x-www-form-urlencoded of whatever it sends; that is taken, but never from a browser."""
        body = json.dumps({"up": {"delay": "999ms"}})
        form = "application/x-www-form-urlencoded"
        for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "multipart/form-data; boundary=x"},
                        {"Content-Type": "application/jsonx"}, {"Content-Type": ""},
                        {"Content-Type": form, "Origin": "http://evil.example"},
                        {"Content-Type": form, "Origin": "null"},
                        {"Content-Type": form, "Origin": f"http://127.0.0.1:{self.lab.api.port}"},
                        {"Content-Type": form, "Sec-Fetch-Site": "cross-site"},
                        {"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}):
            with self.subTest(headers=headers):
                answer = self.lab.api.request("PATCH", LINK, body, headers)
                self.assertIn(answer.status, (400, 403, 415), answer)
        for path in ("/api/v1/reset", LINK + "/reset"):
            for headers in ({"Content-Type": "text/plain"}, {"Content-Type": form, "Sec-Fetch-Mode": "no-cors"},
                            {"Origin": "http://evil.example"}):
                answer = self.lab.api.request("POST", path, "x=1", headers)
                self.assertIn(answer.status, (400, 403, 415), answer)

    def test_the_line_people_know_by_heart(self):
        body = json.dumps(KEPT)
        out = subprocess.run(["curl", "-sS", "-X", "PUT", f"{self.lab.url}{LINK}", "-d", body, "-w", "%{http_code}"],
                             capture_output=True, text=True, check=True).stdout
        self.assertTrue(out.endswith("200"), out)
        self.before = {**self.before, "revision": self.before["revision"] + 1}

    def test_own_origin_is_welcome(self):
        for host in (f"127.0.0.1:{self.lab.api.port}", f"localhost:{self.lab.api.port}"):
            answer = self.lab.api.request("GET", LINK, None, {"Host": host, "Origin": f"http://{host}"})
            self.assertEqual(200, answer.status, answer)

    def test_path_tricks(self):
        for path in ("/../../../../etc/passwd", "/..%2f..%2f..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
                     "//etc/passwd", "/./../etc/passwd", "/static/../../../etc/passwd", "/api/v1/links/..",
                     "/api/v1/links/../../../etc/passwd", "/api/v1/links/lab%00", "/api/v1/links/%",
                     "/api/v1/links/" + "a" * 3000, "/api/v1/links/nolink", "/api/v1/connections/0",
                     "/api/v1/connections/-1", "/api/v1/connections/99999999999999999999999", "/api/v1/connections/1e3",
                     "/api/v1/connections/999999/transitions", "/api/v1/connections/999999/segments", "/nothing",
                     "/api/v2/links", "/api/v1/links/lab/stats/x", "/" + "a/" * 2000):
            with self.subTest(path=path[:60]):
                answer = self.lab.api.request("GET", path)
                self.assertNotIn("root:", answer.text)
                self.assertIn(answer.status, range(400, 500), answer)

    def test_wrong_methods_and_queries(self):
        for method, path in (("DELETE", LINK), ("POST", LINK), ("PUT", "/api/v1/connections"), ("BREW", LINK),
                             ("DELETE", "/api/v1/events"), ("PATCH", "/healthz")):
            with self.subTest(method=method, path=path):
                self.assertIn(self.lab.api.request(method, path).status, (400, 404, 405, 409, 501))
        for query in ("limit=0", "limit=-1", "limit=many", "limit=99999999999999999999", "state=SLEEPING", "port=70000",
                      "port=-1", "port=x", "end=never", "closed_by=ghost", "protocol=carrier-pigeon", "since=yesterday",
                      "cursor=';DROP TABLE connections;--", "cursor=zzz", "colour=red"):
            with self.subTest(query=query):
                answer = self.lab.api.request("GET", f"/api/v1/connections?{query.replace(' ', '%20')}")
                self.check_problem(answer, query)
        for body in ({}, {"text": 5}, {"text": ""}, {"text": "x", "link": "nolink"}, {"text": "x", "more": 1}):
            with self.subTest(body=body):
                self.check_problem(self.lab.api.request("POST", "/api/v1/annotations", body), body)

    def test_broken_http(self):
        port = self.lab.api.port
        host = f"Host: 127.0.0.1:{port}\r\n".encode()
        for data in (b"\r\n\r\n", b"\x00" * 1000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n" + host + b"\r\n",
                     b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n", os.urandom(5000),
                     b"GET / HTTP/1.1\r\n" + host + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
                     b"GET / HTTP/1.1\r\n" + host + b"X: y\r\n" * 20_000 + b"\r\n",
                     b"PATCH " + LINK.encode() + b" HTTP/1.1\r\n" + host +
                     b"Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{}",
                     b"PATCH " + LINK.encode() + b" HTTP/1.1\r\n" + host +
                     b"Content-Type: application/json\r\nContent-Length: -5\r\n\r\n{}",
                     b"PATCH " + LINK.encode() + b" HTTP/1.1\r\n" + host +
                     b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
                     b"PATCH " + LINK.encode() + b' HTTP/1.1\r\nContent-Type: application/json\r\n'
                     b'Content-Length: 25\r\n\r\n{"up": {"delay": "99ms"}}'):  # no Host at all
            with self.subTest(data=data[:50]):
                answer = self.lab.api.raw(data)
                self.assertNotIn(b" 200 ", answer[:20])


if __name__ == "__main__":
    harness.main("curl")
