"""What the tests of the ways in share: a machine made of namespaces, and a daemon that serves no link until asked.

machine() is all that a daemon could leave behind in a namespace: rules, routes, devices, addresses, sysctls, nftables and
named namespaces.
"""

import contextlib
import os
import re
import statistics
import subprocess
import tempfile
import time
import unittest

import chance
import harness

COMMAND = os.path.join(harness.BUILD, "wobble")
SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plain_server.py")

# Values that move by themselves on a living machine.
_VOLATILE = re.compile(r"nf_conntrack_count|\.neigh\.|random|\.file-nr|tcp_mem|udp_mem|stable_secret|route\.flush")


def run(*words, check=True, **options):
    return subprocess.run(words, capture_output=True, text=True, check=check, timeout=30, **options)


class Netns:
    """A named namespace with lo up; it and what runs in it end with close()."""

    count = 0

    def __init__(self, name=None):
        Netns.count += 1
        self.name = name or f"{harness.PREFIX}-{Netns.count}"
        run("ip", "netns", "add", self.name)
        self.processes = []
        self.quiet()
        self.run("ip", "link", "set", "lo", "up")

    def quiet(self):
        """No address is tentative, and none comes by itself when a device is up: nothing moves unless a test moves it."""
        self.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.addr_gen_mode=1")

    def command(self, *words):
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words, check=True, **options):
        return run(*self.command(*words), check=check, **options)

    def popen(self, *words, **options):
        process = subprocess.Popen(harness.with_us(*self.command(*words)), **options)
        self.processes.append(process)
        return process

    def serve(self, port=80, *words):
        """An HTTP server on `port`, IPv4 and IPv6."""
        self.popen("python3", SERVER, str(port), *words)
        wait("the server to listen", lambda: f":{port} " in self.run("ss", "-Htln").stdout)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait(10)
        run("ip", "netns", "del", self.name, check=False)


def wait(what, condition, seconds=30):
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def wire(a, b, number, names=("e0", "e0")):
    """A veth between two namespaces: 10.88.N.1 and fd88:N::1 in `a`, .2 and ::2 in `b`."""
    run("ip", "link", "add", names[0], "netns", a.name, "type", "veth", "peer", names[1], "netns", b.name)
    for side, name, host in ((a, names[0], 1), (b, names[1], 2)):
        side.run("ip", "addr", "add", f"10.88.{number}.{host}/24", "dev", name)
        side.run("ip", "addr", "add", f"fd88:{number}::{host}/64", "dev", name, "nodad")
        side.run("ip", "link", "set", name, "up")
    for side, name in ((a, names[0]), (b, names[1])):  # the kernel adds the last of its own routes behind our back
        routes = ("ip", "-6", "route", "show", "table", "all", "dev", name)
        wait(f"{name} to have its routes",
             lambda side=side, routes=routes: {"ff00::/8", "fd88:"} <= set(re.findall(r"ff00::/8|fd88:", side.run(*routes).stdout)))
    return f"10.88.{number}.1", f"10.88.{number}.2", f"fd88:{number}::1", f"fd88:{number}::2"


def machine(netns=None):
    """What stands in a namespace; None: our own."""
    def output(*words):
        return (netns.run(*words, check=False) if netns else run(*words, check=False)).stdout
    sysctls = [line for line in output("sysctl", "-a").splitlines()
               if line.startswith("net.") and not _VOLATILE.search(line)]
    return {
        "rules": output("ip", "-d", "rule") + output("ip", "-d", "-6", "rule"),
        "routes": output("ip", "route", "show", "table", "all") + output("ip", "-6", "route", "show", "table", "all"),
        "devices": re.sub(r"(state|qlen) \w+|@\w+", "", output("ip", "-o", "link")),
        "addresses": re.sub(r"valid_lft.*", "", output("ip", "-o", "addr")),
        "sysctls": "\n".join(sysctls),
        "nftables": re.sub(r"packets \d+ bytes \d+", "", output("nft", "list", "ruleset")),
        "namespaces": sorted(line.split()[0] for line in output("ip", "netns", "list").splitlines()),
    }


def connect_times(where, url, count=5):
    """Seconds that curl needed to connect, each time over a new connection."""
    times = []
    for _ in range(count):
        done = where.run("curl", "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{time_connect}", url)
        times.append(float(done.stdout))
    return times


def check_connect(test, where, url, least, what, count=5):
    """Connecting never takes less than so many seconds, and half of the time not hopelessly longer. A machine that is busy
    with something else may have three tries for the latter, and as much longer as it is late itself. How exact a link is
    delay.py tests, alone on the machine."""
    for left in (2, 1, 0):
        with chance.Yardstick() as yardstick:
            times = connect_times(where, url, count)
        median = statistics.median(times)
        print(f"{what}: connect median {1e3 * median:.1f} ms of {count}, {1e3 * min(times):.1f} to {1e3 * max(times):.1f}")
        test.assertGreaterEqual(min(times), least - 0.0001)
        if is_in_time(median, least, yardstick.late):
            return
        test.assertTrue(left, f"{what}: the median is {median}, far beyond {least}; a sleep is {yardstick.late} late")


def is_in_time(seconds, least, late):
    """Less than a tenth of a second beyond `least` on a quiet machine; on one that wakes a sleeper `late`, what some wake-ups
    and a busy processor add. Beyond a cap such a machine tells nothing."""
    if late > 0.02:
        print(f"not judged: this machine wakes a sleeper {1e3 * late:.1f} ms late")
        return True
    return seconds <= least + 0.1 + 10 * late


LADDER = [("client", "SYN_SENT"), ("server", "SYN_RECEIVED"), ("client", "ESTABLISHED"), ("server", "ESTABLISHED")]


def ended_ladder(daemon, connection):
    """(side, state) of each transition; None before both have begun to close."""
    ladder = [(t["side"], t["to"]) for t in daemon.transitions(connection)]
    return ladder if {"FIN_WAIT_1", "CLOSE_WAIT"} <= {state for _, state in ladder} else None


def check_way_in(test, daemon, link, where, urls, ends, what, least=0.1):
    """What holds for every way in, with IPv4 and IPv6, the link's delays being `least` together: they are in each connect,
    the log has each connection's ladder with the program's own addresses, `ends` (pairs of client and server), and nothing
    passes when all is lost. The conditions are as before then."""
    for url in urls:
        check_connect(test, where, url, least, f"{what}, {url}", count=9)
    rows = {}
    for row in daemon.connections(link):
        if row["protocol"] == "tcp":
            rows[row["client"]["address"], row["server"]["address"]] = row["id"]  # the oldest
    for pair in ends:
        test.assertIn(pair, rows)
        ladder = wait("the connection to end", lambda pair=pair: ended_ladder(daemon, rows[pair]))
        test.assertLessEqual(set(LADDER), set(ladder))
        test.assertEqual(sorted(ladder.index(step) for step in LADDER if step[0] == "client"),
                         [ladder.index(step) for step in LADDER if step[0] == "client"])
    before = daemon.api.get(f"/api/v1/links/{link}")
    daemon.api.request("PATCH", f"/api/v1/links/{link}", {"both": {"loss": "100%"}})
    for url in urls:
        lost = where.run("curl", "-sS", "-m", "1", "-o", "/dev/null", url, check=False)
        test.assertEqual(28, lost.returncode, f"{what}, {url}: {lost}")
    answer = daemon.api.request("PUT", f"/api/v1/links/{link}", {side: before[side] for side in ("up", "down")})
    test.assertEqual(200, answer.status, answer)


class Daemon(harness.Lab):
    """wobbled without its lab, with its files in a folder that outlives it if given."""

    def __init__(self, *options, **settings):
        super().__init__(*options, lab=False, **settings)

    def create(self, **body):
        answer = self.api.request("POST", "/api/v1/links", body)
        if answer.status != 201:
            raise AssertionError(f"POST {body}: {answer!r}")
        return answer.json

    def delete(self, name):
        answer = self.api.request("DELETE", f"/api/v1/links/{name}")
        if answer.status != 204:
            raise AssertionError(f"DELETE {name}: {answer!r}")

    def refuse(self, status, **body):
        """The one line of a refusal."""
        answer = self.api.request("POST", "/api/v1/links", body)
        if answer.status != status:
            raise AssertionError(f"POST {body}: {answer!r}")
        return answer.json["error"]

    def connections(self, link):
        return self.api.pages(f"/api/v1/connections?link={link}&limit=1000")

    def total(self, link, direction="up"):
        return self.api.get(f"/api/v1/links/{link}/stats")[direction]["total"]["packets_in"]


@contextlib.contextmanager
def two_hosts(number=1):
    """A client and a server, wired: (client, server, addresses of both)."""
    client = Netns()
    try:
        server = Netns()
        try:
            addresses = wire(client, server, number)
            server.serve(80)
            yield client, server, addresses
        finally:
            server.close()
    finally:
        client.close()


@contextlib.contextmanager
def task_limit(process):
    """Puts it into a cgroup of its own; what is handed over, called, lets it make no task more."""
    top = next((path for path in ("/sys/fs/cgroup/pids", "/sys/fs/cgroup") if os.path.exists(f"{path}/cgroup.procs")), None)
    if top is None:
        raise unittest.SkipTest("there are no cgroups here")
    def write(path, what):
        with open(path, "w", encoding="ascii") as file:
            file.write(str(what))
    group = f"{top}/{harness.PREFIX}"
    if os.path.exists(f"{top}/cgroup.subtree_control"):  # version 2
        write(f"{top}/cgroup.subtree_control", "+pids")
    os.mkdir(group)
    try:
        write(f"{group}/cgroup.procs", process)
        def limit():
            with open(f"{group}/pids.current", encoding="ascii") as file:
                write(f"{group}/pids.max", file.read())
        yield limit
    finally:
        write(f"{group}/pids.max", "max")
        write(f"{top}/cgroup.procs", process)
        os.rmdir(group)


def folder():
    return tempfile.mkdtemp(prefix=harness.PREFIX + "-")
