"""What every end-to-end test stands on: a daemon of its own, its lab's namespaces, and a small API client.

A test program calls main() with its unittest cases. Without root or /dev/net/tun it exits 77, which ctest reports as
skipped, with the reason. Whatever happens (failure, SIGTERM, time-out) the daemon is stopped and its files removed: the
daemon also gets SIGTERM from the kernel when the test program dies.
"""

import atexit
import contextlib
import ctypes
import functools
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

import answers

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WOBBLE_BUILD", os.path.join(ROOT, "build", "release"))
DAEMON = os.path.join(BUILD, "wobbled")
PREFIX = f"wobble-test-{os.getpid()}"

SO_RCVBUFFORCE = 33  # asm-generic/socket.h: as SO_RCVBUF, but above rmem_max
SO_SNDBUFFORCE = 32
_CLONE_NEWNET = 0x40000000
_CLONE_NEWNS = 0x00020000
libc = ctypes.CDLL(None, use_errno=True)


def check_errno(result):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def private_mounts():
    """From here on what this process mounts is seen by it and its children only, and vanishes with them."""
    check_errno(libc.unshare(_CLONE_NEWNS))
    check_errno(libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None))  # MS_REC | MS_PRIVATE


@functools.cache
def own_temporary_folder():
    """From here on, for this process and its children: TMPDIR, removed at the end."""
    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix=PREFIX + "-")
    os.chmod(tempfile.tempdir, 0o1777)
    atexit.register(_remove_folder, tempfile.tempdir)


def _remove_folder(folder):
    _stop_all()  # what still runs has its files there
    shutil.rmtree(folder, ignore_errors=True)


def private_machine():
    """From here on this process and its children have a network (with a loopback device), a /run and a folder for temporary
    files of their own: whatever is left behind in them is not a neighbour's."""
    private_mounts()
    own_temporary_folder()
    check_errno(libc.mount(b"none", b"/run", b"tmpfs", 0, None))
    check_errno(libc.unshare(_CLONE_NEWNET))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class Namespace:
    """A network namespace, by a path to it. Sockets made through it stay in it, wherever this thread goes."""

    def __init__(self, path, addresses, device):
        self.path = path
        self.v4 = next((a for a in addresses if ":" not in a), None)
        self.v6 = next((a for a in addresses if ":" in a), None)
        self.device = device

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is inside for the duration."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            there = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                check_errno(libc.setns(there, _CLONE_NEWNET))
            finally:
                os.close(there)
            try:
                yield
            finally:
                check_errno(libc.setns(home, _CLONE_NEWNET))
        finally:
            os.close(home)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
        with self.entered():
            return socket.socket(family, kind, protocol)

    def address(self, family):
        return self.v6 if family == socket.AF_INET6 else self.v4

    def command(self, *words):
        return ["nsenter", f"--net={self.path}", "--", *words]

    def run(self, *words, timeout=60, check=True):
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=timeout, check=check)

    def popen(self, *words, **options):
        return subprocess.Popen(with_us(*self.command(*words)), **options)


class Answer:
    """Of the API: status, headers (lower case), text, and the JSON if it is any."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.text = response.read().decode("utf-8", "replace")
        self.json = None
        if "json" in self.headers.get("content-type", ""):
            self.json = json.loads(self.text)

    def __repr__(self):
        return f"<{self.status} {self.text[:400]}>"


class Api:
    """One kept-alive HTTP connection to the daemon; it is opened again when the daemon has closed it."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self._connection = None
        self._description = None

    def request(self, method, path, body=None, headers=None):
        """One answer, which has to be as the daemon describes it."""
        answer = self._request(method, path, body, headers)
        if answer.json is not None and method != "HEAD":
            self._check(method, path, answer)
        return answer

    def _check(self, method, path, answer):
        if self._description is None:
            document = self._request("GET", "/api/v1/openapi.json")
            if document.status != 200:
                return
            self._description = answers.Description(document.json)
        kind = answer.headers["content-type"].partition(";")[0]
        faults = self._description.faults(method, path, answer.status, kind, answer.json)
        if faults:
            raise AssertionError(f"{method} {path}, not as it is described: {faults[:5]} in {answer!r}")

    def _request(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        for attempt in (1, 2):
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
                self._connection.connect()
                self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._connection.request(method, path, body=body, headers=headers)
                return Answer(self._connection.getresponse())
            except (ConnectionResetError, BrokenPipeError, http.client.CannotSendRequest):
                self.close()  # an idle connection was closed under us: once again on a new one
                if attempt == 2:
                    raise

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path):
        answer = self.request("GET", path)
        if answer.status != 200:
            raise AssertionError(f"GET {path}: {answer!r}")
        return answer.json

    def pages(self, path):
        """All items of a list, following its cursor."""
        items, cursor = [], None
        while True:
            page = self.get(path + (f"&cursor={cursor}" if cursor else ""))
            items += page["items"]
            cursor = page["next"]
            if not cursor:
                return items

    def raw(self, data, timeout=5):
        """Bytes as they are, over a connection of their own; what came back until the daemon closed or went quiet."""
        with socket.create_connection((self.host, self.port), timeout=timeout) as peer:
            received = b""
            try:
                peer.sendall(data)
                peer.shutdown(socket.SHUT_WR)
            except OSError:  # the daemon has closed or reset it meanwhile
                pass
            try:
                while chunk := peer.recv(65536):
                    received += chunk
            except (TimeoutError, ConnectionResetError):
                pass
            return received


def with_us(*words):
    """A command that gets SIGTERM from the kernel when this program dies. In these words and not by a preexec_fn: this
    program has threads, and what Python does in a forked child before it becomes another program can then hang."""
    return ["setpriv", "--pdeathsig", "TERM", "--", *map(str, words)]


class Lab:
    """A daemon with --lab (unless told otherwise), of this test's own: free port, own database in an own directory, and
    no Unix socket (None: the default one)."""

    def __init__(self, *options, directory=None, command=None, lab=True, listen="127.0.0.1:0", socket_path="none"):
        self._own_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix=PREFIX + "-")
        self.database = os.path.join(self.directory, "journal.db")
        words = (command or [DAEMON]) + ["--lab"] * lab + ["--listen", listen, "--db", self.database]
        words += (["--socket", socket_path] if socket_path else []) + list(options)
        self.errors = open(os.path.join(self.directory, "stderr"), "a+", encoding="utf-8")
        self.process = subprocess.Popen(with_us(*words), stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        cwd=self.directory)
        _living.append(self)
        self.url = self._wait_for_url(30)
        self.api = Api(self.url)
        if not lab:
            return
        link = self.api.get("/api/v1/links/lab")
        self.near = Namespace(link["near"]["netns"], link["near"]["addresses"], link["near"]["device"])
        self.far = Namespace(link["far"]["netns"], link["far"]["addresses"], link["far"]["device"])

    def _wait_for_url(self, seconds):
        found = []

        def read():
            for line in self.process.stdout:
                if not found and (match := re.search(r"http://[^\s]+", line)):
                    found.append(match.group(0).rstrip("/"))
                    ready.set()
            ready.set()

        ready = threading.Event()
        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        ready.wait(seconds)
        if not found:
            raise RuntimeError(f"wobbled printed no URL; its stderr: {self.stderr()}")
        return found[0]

    def stderr(self):
        self.errors.flush()
        with open(self.errors.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def patch(self, body):
        """Changes conditions; returns when they are in effect."""
        answer = self.api.request("PATCH", "/api/v1/links/lab", body)
        if answer.status != 200:
            raise AssertionError(f"PATCH {body}: {answer!r}")
        return answer

    def put(self, up=None, down=None):
        """These conditions and no others."""
        answer = self.api.request("PUT", "/api/v1/links/lab", {"up": up or {}, "down": down or {}})
        if answer.status != 200:
            raise AssertionError(f"PUT {up} {down}: {answer!r}")
        return answer

    def both(self, **conditions):
        return self.put(conditions, conditions)

    def stats(self):
        return self.api.get("/api/v1/links/lab/stats")

    def arrived(self, direction):
        """Packets the link has read in this direction since it was made."""
        return self.stats()[direction]["total"]["packets_in"]

    def wait(self, what, condition, seconds=10):
        """Until condition() is true; its value. A failure says what was waited for."""
        deadline = time.monotonic() + seconds
        while True:
            if value := condition():
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(0.002)

    def wait_empty(self, seconds=10):
        """Until nothing is in flight; the stats."""
        def empty():
            stats = self.stats()
            return stats if not any(stats[d]["in_flight"]["packets"] for d in ("up", "down")) else None
        return self.wait("nothing in flight", empty, seconds)

    def transitions(self, connection):
        return self.api.get(f"/api/v1/connections/{connection}/transitions")["items"]

    def is_alive(self):
        return self.process.poll() is None

    def stop(self, how=signal.SIGTERM, seconds=10):
        """Ends the daemon; its exit status, None if it had to be killed. What a sanitizer complained of is an error
        here. Harmless when it has ended."""
        if self not in _living:
            return self.process.returncode
        _living.remove(self)
        if hasattr(self, "api"):
            self.api.close()
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            status = None
        self.errors.flush()
        self._reader.join(5)
        self.process.stdout.close()
        said = self.stderr()
        self.errors.close()
        if self._own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        if _COMPLAINTS.search(said):
            raise AssertionError(f"wobbled complained:\n{said}")
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


_COMPLAINTS = re.compile(r"Sanitizer|runtime error|terminate called|assertion", re.IGNORECASE)
_living = []


@atexit.register
def _stop_all():
    for lab in list(_living):
        lab.stop(signal.SIGTERM, 5)


def need(*programs, daemon=True):
    """Ends this program as skipped if it cannot run here."""
    reason = None
    if os.geteuid() != 0:
        reason = "root is needed to make namespaces"
    elif not os.path.exists("/dev/net/tun"):
        reason = "there is no /dev/net/tun"
    elif daemon and not os.path.exists(DAEMON):
        print(f"not built: {DAEMON}", flush=True)
        sys.exit(1)
    for program in programs:
        if reason is None and shutil.which(program) is None:
            reason = f"the program {program} is not installed"
    if reason:
        print(f"skipped: {reason}", flush=True)
        sys.exit(SKIPPED)


def main(*programs, daemon=True):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    need("ip", "nsenter", "setpriv", *programs, daemon=daemon)
    unittest.main(verbosity=2)
