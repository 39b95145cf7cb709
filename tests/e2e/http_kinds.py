"""HTTP/1.0 and keep-alive differ as they should: ten requests are ten connections, or one."""

import http.client
import socket
import unittest

import harness


class HttpKinds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(harness.Lab())

    def setUp(self):
        self.known = {row["id"] for row in self.rows()}

    def rows(self):
        return self.lab.api.pages("/api/v1/connections?port=80&protocol=tcp&limit=1000")

    def new_rows(self):
        """The connections since setUp, when all of them have ended."""
        def ended():
            rows = [row for row in self.rows() if row["id"] not in self.known]
            return rows if rows and all(states(row) <= {"CLOSED", "TIME_WAIT"} for row in rows) else None
        return self.lab.wait("the connections to end", ended)

    def curl(self, *options):
        urls = [f"http://{self.lab.far.v4}/bytes/{1000 + n}" for n in range(10)]
        sinks = [word for _ in urls for word in ("-o", "/dev/null")]
        out = self.lab.near.run("curl", "-sS", "-w", "%{http_code} %{size_download} %{num_connects}\n", *options,
                                *sinks, *urls).stdout.splitlines()
        self.assertEqual([("200", str(1000 + n)) for n in range(10)], [tuple(line.split()[:2]) for line in out])
        return sum(int(line.split()[2]) for line in out)

    def test_curl_http_1_0(self):
        self.assertEqual(10, self.curl("--http1.0"))
        self.assertEqual(10, len(self.new_rows()))

    def test_curl_keep_alive(self):
        self.assertEqual(1, self.curl("--http1.1"))
        self.assertEqual(1, len(self.new_rows()))

    def test_http_1_0_by_hand(self):
        """The server closes, and says who closed first."""
        for _ in range(10):
            with self.lab.near.socket() as peer:
                peer.connect((self.lab.far.v4, 80))
                peer.sendall(b"GET /bytes/500 HTTP/1.0\r\nHost: lab\r\n\r\n")
                answer = b""
                while chunk := peer.recv(65536):
                    answer += chunk
            self.assertIn(b" 200 ", answer.split(b"\r\n", 1)[0])
            self.assertEqual(500, len(answer.split(b"\r\n\r\n", 1)[1]))
        rows = self.new_rows()
        self.assertEqual(10, len(rows))
        self.assertEqual({"server"}, {row["closed_by"] for row in rows})
        for row in rows:
            history = [(t["side"], t["to"]) for t in self.lab.transitions(row["id"])]
            self.assertEqual(["SYN_SENT", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"],
                             [to for side, to in history if side == "client"])

    def test_keep_alive_by_hand_ipv6(self):
        connection = http.client.HTTPConnection(self.lab.far.v6, 80, timeout=10)
        with self.lab.near.entered():
            connection.connect()
        for number in range(10):
            connection.request("GET", f"/bytes/{number}")
            answer = connection.getresponse()
            self.assertEqual((200, number), (answer.status, len(answer.read())))
        connection.sock.shutdown(socket.SHUT_WR)
        connection.sock.settimeout(10)
        self.assertEqual(b"", connection.sock.recv(1))
        connection.close()
        rows = self.new_rows()
        self.assertEqual(1, len(rows))
        self.assertEqual("client", rows[0]["closed_by"])
        self.assertEqual(self.lab.near.v6, rows[0]["client"]["address"])

    def test_slow_waits(self):
        out = self.lab.near.run("curl", "-sS", "-o", "/dev/null", "-w", "%{time_starttransfer}",
                                f"http://{self.lab.far.v4}/slow?ms=300").stdout
        self.assertGreaterEqual(float(out), 0.3)


def states(row):
    return {row["client"]["state"], row["server"]["state"]}


if __name__ == "__main__":
    harness.main("curl")
