"""A small HTTP/1.1 server for namespaces: plain_server.py PORT [BYTES_PER_SECOND]. GET /N answers with N bytes of a
fixed pattern."""

import hashlib
import http.server
import socket
import sys
import time

BLOCK = bytes(range(256)) * 256


def pattern_sum(length):
    digest = hashlib.sha256()
    while length > 0:
        digest.update(BLOCK[:min(length, len(BLOCK))])
        length -= len(BLOCK)
    return digest.hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    rate = 0

    def do_GET(self):
        length = int(self.path[1:] or 0)
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        began, sent = time.monotonic(), 0
        while sent < length:
            sent += self.wfile.write(BLOCK[:min(length - sent, len(BLOCK))])
            if self.rate:
                time.sleep(max(0, began + sent / self.rate - time.monotonic()))

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.bind(self.server_address)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        Handler.rate = float(sys.argv[2])
    Server(("::", int(sys.argv[1])), Handler).serve_forever()
