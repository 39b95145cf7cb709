"""What is measured with real packets, each thing in turns (A B A B ...) over all paths that are to be compared."""

import contextlib
import json
import statistics
import subprocess
import sys
import time

from paths import BUFFERS_FOR_DELAY, TRAFFIC, AttachedPath, BarePath, KernelPath, NetemPath, WobblePath, end, mahimahi

PORT = "5301"


def in_turns(paths, rounds, measure):
    """{name: [what measure(path) gave, round by round]}"""
    figures = {path.name: [] for path in paths}
    for number in range(rounds):
        for path in paths:
            with path:
                figures[path.name].append(measure(path))
            print(f"  round {number + 1}: {path.name}: {figures[path.name][-1]}", file=sys.stderr, flush=True)
    return figures


def median(figures, name, key):
    return statistics.median(figure[key] for figure in figures[name])


def cpu_of(path, work):
    """What `work` answers, the seconds it took, and the forwarder's CPU seconds meanwhile."""
    before, began = path.forwarder_cpu(), time.monotonic()
    answer = work()
    took = time.monotonic() - began
    return answer, took, None if before is None else path.forwarder_cpu() - before


def stream(path, seconds, congestion, omit=0):
    """One TCP stream from client to server: Gbit/s received, and the forwarder's CPU seconds per GB. The first `omit` seconds,
    while the window opens, are not counted; there is no CPU figure then."""
    server = subprocess.Popen([*path.server, "iperf3", "-s", "-1", "-p", PORT], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):  # iperf3 says nothing when it listens
            listening = subprocess.run([*path.server, "ss", "-Htln", f"sport = {PORT}"], capture_output=True, text=True).stdout
            if listening:
                break
            time.sleep(0.05)
        client = [*path.client, "iperf3", "-c", path.server_address, "-p", PORT, "-t", str(seconds), "-O", str(omit), "-C", congestion,
                  "-J"]
        run, _, cpu = cpu_of(path, lambda: subprocess.run(client, capture_output=True, text=True, timeout=seconds + 60))
        result = json.loads(run.stdout)
        if "error" in result:
            raise RuntimeError(f"{path.name}: iperf3: {result['error']}")
        received = result["end"]["sum_received"]
        return {"gbps": received["bits_per_second"] / 1e9,
                "cpu": None if cpu is None or omit else cpu / (received["bytes"] / 1e9)}
    finally:
        try:
            server.wait(5)  # it ends by itself, once all has arrived
        except subprocess.TimeoutExpired:
            end(server)


def tcp(row, o):
    """Everything that is one TCP stream: cubic, but with delay reno, for cubic's slow start takes jitter for a queue and ends."""
    slow = {"delay": "20ms"}
    kernel, ours, single = KernelPath("kernel"), WobblePath("wobble"), WobblePath("wobble --no-offload", {}, ["--no-offload"])
    delayed = WobblePath("wobble, 20 ms each way", slow)
    jittered = WobblePath("wobble, 20 ms and 5 ms of jitter", {"delay": {"time": "20ms", "jitter": "5ms"}})
    lossy = WobblePath("wobble, loss 0.01 %", {"loss": "0.01%"})
    peers = [NetemPath("tc netem delay 20ms", "delay", "20ms", "limit", "100000")] if NetemPath.is_present() else []
    for path in (delayed, jittered, *peers):
        path.buffers = BUFFERS_FOR_DELAY
    figures = in_turns([kernel, ours, single, delayed, jittered, lossy, *peers], o.rounds,
                       lambda path: stream(path, *((o.seconds, "reno", 2) if path in (delayed, jittered, *peers) else (o.seconds, "cubic"))))
    rate = lambda path: median(figures, path.name, "gbps")
    cpu = lambda path: median(figures, path.name, "cpu")
    row("one TCP stream, of the kernel's rate", rate(ours) / rate(kernel), ">=", 0.7, f"{rate(ours):.1f} of {rate(kernel):.1f} Gbit/s")
    row("one TCP stream, times our own with offload off", rate(ours) / rate(single), ">=", 8, f"{rate(single):.2f} Gbit/s without")
    row("20 ms each way, of the unimpaired rate", rate(delayed) / rate(ours), ">=", 0.25, f"{rate(delayed):.1f} Gbit/s")
    row("and with jitter of 5 ms, of that", rate(jittered) / rate(delayed), ">=", 0.9, f"{rate(jittered):.1f} Gbit/s")
    row("loss 0.01 %, of the kernel's rate", rate(lossy) / rate(kernel), ">=", 0.4, f"{rate(lossy):.1f} Gbit/s")
    row("loss 0.01 %, CPU per GB, times the unimpaired", cpu(lossy) / cpu(ours), "<=", 1.5, f"{cpu(lossy):.2f} s per GB")
    row("CPU per GB, of that with offload off", cpu(ours) / cpu(single), "<=", 1 / 8,
        f"{cpu(ours):.2f} of {cpu(single):.2f} s per GB")
    for peer in peers:
        row(f"20 ms each way, times {peer.name}", rate(delayed) / rate(peer), None, None, f"{rate(peer):.1f} Gbit/s")
    if not peers:
        row("20 ms each way, times tc netem", None, None, None, "this kernel has no netem")
    row("20 ms each way, times mm-delay", None, None, None, "is on the path, but needs a user who is not root" if mahimahi() else
        "no mm-delay on the path")
    return figures


def attach(row, o):
    """One TCP stream where a link stands below IP, against the same path without it."""
    plain, clean = KernelPath("kernel"), AttachedPath("wobble, attached")
    others = AttachedPath("wobble, attached for another port", {"ports": [9]})
    figures = in_turns([plain, clean, others], o.rounds, lambda path: stream(path, o.seconds, "reno"))
    rate = lambda path: median(figures, path.name, "gbps")
    row("one TCP stream through a clean attach, of the same path without", rate(clean) / rate(plain), ">=", 0.6,
        f"{rate(clean):.1f} of {rate(plain):.1f} Gbit/s")
    row("one that is not meant, of the same path without", rate(others) / rate(plain), ">=", 0.97, f"{rate(others):.1f} Gbit/s")
    return figures


def among(path, count, seconds):
    """One stream while `count` other connections are open and a thousand a second are replaced."""
    if count == 0:
        return stream(path, seconds, "cubic")
    with contextlib.ExitStack() as stack:
        for side, words in ((path.server, ["accept", "5302"]), (path.client, ["hold", path.server_address, "5302", str(count), "1000"])):
            process = stack.enter_context(subprocess.Popen([*side, TRAFFIC, *words], stdout=subprocess.PIPE, text=True))
            stack.callback(process.terminate)
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the other connections could not be opened")
        return stream(path, seconds, "cubic")


def crowd(row, o):
    alone, crowded = WobblePath("wobble, one connection"), WobblePath("wobble, 10,000 connections")
    figures = in_turns([alone, crowded], o.rounds, lambda path: among(path, 10_000 if path is crowded else 0, o.seconds))
    one, many = (median(figures, path.name, "gbps") for path in (alone, crowded))
    row("10,000 connections, 1,000 opened a second, of the rate with one", many / one, ">=", 0.8, f"{many:.1f} of {one:.1f} Gbit/s")
    return figures


def bbr(row, o):
    paths = [WobblePath("wobble, loss 1 %", {"loss": "1%"}), WobblePath("wobble --no-offload, loss 1 %", {"loss": "1%"}, ["--no-offload"])]
    figures = in_turns(paths, o.rounds, lambda path: stream(path, o.seconds, "bbr"))
    ours, single = (median(figures, path.name, "gbps") for path in paths)
    row("loss 1 %, bbr, times our own with offload off", ours / single, ">=", 2.5, f"{ours:.2f} of {single:.2f} Gbit/s")
    return figures


def datagrams(path, seconds):
    """64-byte datagrams of one flow, each sent alone, as fast as it goes: how many thousands a second arrive."""
    with subprocess.Popen([*path.server, TRAFFIC, "receive", PORT, "0.5"], stdout=subprocess.PIPE, text=True) as sink:
        sink.stdout.readline()
        sending = [*path.client, TRAFFIC, "send", path.server_address, PORT, str(seconds), "64"]
        _, took, cpu = cpu_of(path, lambda: subprocess.run(sending, check=True))
        count, span = sink.stdout.read().split()
    return {"kpps": int(count) / float(span) / 1e3, "share": None if cpu is None else cpu / took}


def udp(row, o):
    impaired = {"delay": "5ms", "loss": "1%"}
    kernel, bare, ours = KernelPath("kernel"), BarePath("bare read/write"), WobblePath("wobble")
    busy = WobblePath("wobble, delay, loss, tracking", impaired)
    figures = in_turns([kernel, bare, ours, busy], o.rounds, lambda path: datagrams(path, o.seconds - 1))
    rate = lambda path: median(figures, path.name, "kpps")
    row("64-byte UDP, times the kernel's rate", rate(ours) / rate(kernel), ">=", 1.5, f"{rate(ours):.0f} of {rate(kernel):.0f} k/s")
    row("64-byte UDP with delay, loss, tracking, the same", rate(busy) / rate(kernel), ">=", 1.2, f"{rate(busy):.0f} k/s")
    row("64-byte UDP, times a bare read/write loop", rate(ours) / rate(bare), None, None, f"{rate(bare):.0f} k/s")
    return figures


def round_trips(path, count):
    with subprocess.Popen([*path.server, TRAFFIC, "echo", PORT], stdout=subprocess.PIPE, text=True) as echo:
        try:
            echo.stdout.readline()
            words = [*path.client, TRAFFIC, "ping", path.server_address, PORT, str(count)]
            p50, p90, p99 = map(float, subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())
        finally:
            echo.terminate()
    return {"p50": p50, "p90": p90, "p99": p99}


def added_delay(row, o):
    kernel, ours = KernelPath("kernel"), WobblePath("wobble")
    figures = in_turns([kernel, ours], o.rounds, lambda path: round_trips(path, 5000))
    added = (median(figures, ours.name, "p50") - median(figures, kernel.name, "p50")) / 2
    row("added delay, each way, µs more than the kernel", added, None, None,
        f"round trip {median(figures, ours.name, 'p50'):.0f} against {median(figures, kernel.name, 'p50'):.0f} µs")
    return figures


def late(path, seconds):
    """How late packets leave at 1,000 a second, in µs, and the share of a core the forwarder takes."""
    words = [*path.client, TRAFFIC, "send", path.server_address, PORT, str(seconds), "100", "1000"]
    _, took, cpu = cpu_of(path, lambda: subprocess.run(words, check=True))
    spread = path.get("/api/v1/links/lab/stats")["up"]["delivered"]["lateness_ms"]
    return {**{key: spread[key] * 1e3 for key in ("median", "p90", "p99", "max")}, "share": cpu / took}


def lateness(row, o):
    conditions = {"delay": "20ms"}
    ours, sleeping = WobblePath("wobble", conditions), WobblePath("wobble --spin 0", conditions, ["--spin", "0"])
    figures = in_turns([ours, sleeping], o.rounds, lambda path: late(path, o.seconds + 2))
    of = lambda path, key: median(figures, path.name, key)
    both = lambda key: f"{of(sleeping, key):.1f} with --spin 0"
    row("lateness at 1,000 a second, median, µs", of(ours, "median"), "<=", 5, both("median"))
    row("lateness at 1,000 a second, p90, µs", of(ours, "p90"), "<=", 30, both("p90"))
    row("lateness at 1,000 a second, p99, µs", of(ours, "p99"), None, None, both("p99"))
    row("lateness at 1,000 a second, maximum, µs", of(ours, "max"), None, None, both("max"))
    row("share of a core that spinning takes", of(ours, "share") - of(sleeping, "share"), "<=", 0.05,
        f"{of(ours, 'share'):.3f} in all, {of(sleeping, 'share'):.3f} with --spin 0")
    return figures
