"""The kernel as oracle: every TCP state change of the sockets of some ports, from the tracepoint
sock:inet_sock_set_state, in a tracefs instance of our own.

What the kernel does not show there, and how it is made good (known differences, design "How we check ourselves"):
  * SYN_RECV is a state of the child socket, which exists only once the handshake's third ACK has come; a handshake the
    server answered but which never got there shows nothing. See Oracle.truth().
  * TIME_WAIT is never shown: the socket is closed and a smaller one takes its place. But an endpoint leaves FIN_WAIT_2
    and CLOSING for TIME_WAIT or by a reset, and resets have a tracepoint, tcp:tcp_receive_reset. So a CLOSE in those
    states without one is TIME_WAIT, and if `ss` does not show the small socket, a RST has ended it meanwhile. An orphan
    in FIN_WAIT_2 would get a small socket too, unless tcp_fin_timeout is above 60 s: see no_small_fin_wait_2().
"""

import os
import re
import tempfile

import harness

_LINE = re.compile(r"\s(?P<at>\d+\.\d+): inet_sock_set_state: family=(?P<family>\S+) protocol=IPPROTO_TCP "
                   r"sport=(?P<sport>\d+) dport=(?P<dport>\d+) .*oldstate=TCP_(?P<old>\w+) newstate=TCP_(?P<new>\w+)")
_RESET = re.compile(r"\s(?P<at>\d+\.\d+): tcp_receive_reset: .*?sport=(?P<sport>\d+) dport=(?P<dport>\d+)")
_EVENTS = ("sock/inet_sock_set_state", "tcp/tcp_receive_reset")
_NAMES = {"SYN_RECV": "SYN_RECEIVED", "FIN_WAIT1": "FIN_WAIT_1", "FIN_WAIT2": "FIN_WAIT_2", "CLOSE": "CLOSED"}


class KernelStates:
    """Use as a context manager. `ports` is the range of the *client* ports that are watched, `servers` that of the
    servers'. One process at a time must use a range: the tracepoint does not tell namespaces apart."""

    def __init__(self, ports, servers):
        self.filter = (f"(sport >= {ports.start} && sport < {ports.stop}) || "
                       f"(dport >= {ports.start} && dport < {ports.stop} && sport >= {servers.start} && "
                       f"sport < {servers.stop})")

    def __enter__(self):
        root = "/sys/kernel/tracing"
        if not os.path.isdir(os.path.join(root, "instances")):
            harness.private_mounts()  # so that the mount cannot outlive us
            root = self._mount = tempfile.mkdtemp(prefix=harness.PREFIX + "-")
            harness.check_errno(harness.libc.mount(b"none", root.encode(), b"tracefs", 0, None))
        else:
            self._mount = None
        self._remove_dead(os.path.join(root, "instances"))
        self.directory = os.path.join(root, "instances", harness.PREFIX)
        os.mkdir(self.directory)
        self._write("trace_clock", "mono")
        self._write("buffer_size_kb", "8192")
        for event in _EVENTS:
            self._write(f"events/{event}/filter", self.filter)
            self._write(f"events/{event}/enable", "1")
        return self

    def __exit__(self, *_):
        for event in _EVENTS:
            self._write(f"events/{event}/enable", "0")
        os.rmdir(self.directory)
        if self._mount:
            harness.check_errno(harness.libc.umount2(self._mount.encode(), 2))  # MNT_DETACH
            os.rmdir(self._mount)

    @staticmethod
    def _remove_dead(instances):
        """Instances of test programs that were killed."""
        for name in os.listdir(instances):
            match = re.fullmatch(r"wobble-test-(\d+)", name)
            if match and not os.path.exists(f"/proc/{match.group(1)}"):
                os.rmdir(os.path.join(instances, name))

    def _write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="ascii") as file:
            file.write(text)

    def _overrun(self):
        lost = 0
        for cpu in os.listdir(os.path.join(self.directory, "per_cpu")):
            with open(os.path.join(self.directory, "per_cpu", cpu, "stats"), encoding="ascii") as file:
                lost += int(re.search(r"overrun: (\d+)", file.read()).group(1))
        return lost

    def _consume(self):
        """What the trace holds, taken out of it: what is traced meanwhile is read, or stays for the next time."""
        text = b""
        pipe = os.open(os.path.join(self.directory, "trace_pipe"), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            while chunk := os.read(pipe, 1 << 16):
                text += chunk
        except BlockingIOError:
            pass
        finally:
            os.close(pipe)
        return text.decode("ascii", "replace")

    def take(self):
        """{(source port, destination port): [(seconds of the monotonic clock, state), ...]} since the last take(). A
        reset that was received stands there as "RESET"."""
        if lost := self._overrun():
            raise AssertionError(f"the trace buffer overran: {lost} events lost")
        histories = {}
        for line in self._consume().splitlines():
            if match := _RESET.search(line):
                key = (int(match["sport"]), int(match["dport"]))
                histories.setdefault(key, []).append((float(match["at"]), "RESET"))
                continue
            match = _LINE.search(line)
            if match and match["new"] != match["old"] and match["dport"] != "0":
                key = (int(match["sport"]), int(match["dport"]))
                state = _NAMES.get(match["new"], match["new"])
                histories.setdefault(key, []).append((float(match["at"]), state))
        return {key: sorted(history, key=lambda event: event[0]) for key, history in histories.items()}


def small_sockets(namespace):
    """{(local port, peer port): "TIME_WAIT" or "FIN_WAIT_2" ...} of every TCP socket `ss` lists, but listeners."""
    found = {}
    for line in namespace.run("ss", "-Htan").stdout.splitlines():
        state, _, _, local, peer = line.split()[:5]
        if state != "LISTEN":
            ports = (int(local.rsplit(":", 1)[1]), int(peer.rsplit(":", 1)[1]))
            found[ports] = state.replace("-", "_").replace("ESTAB", "ESTABLISHED").replace("SYN_RECV", "SYN_RECEIVED")
    return found


def no_small_fin_wait_2(*namespaces):
    """Orphans in FIN_WAIT_2 keep their full socket, which the tracepoint shows."""
    for namespace in namespaces:
        namespace.run("sysctl", "-qw", "net.ipv4.tcp_fin_timeout=120")


def full_history(events, now):
    """An endpoint's states in RFC 9293's terms, from its events and what `ss` shows in its place now (or None)."""
    states, was_reset = [], False
    for _, state in events:
        if state == "RESET":
            was_reset = True
            continue
        if state == "CLOSED" and not was_reset and states and states[-1] in ("FIN_WAIT_2", "CLOSING"):
            states.append("TIME_WAIT")
            if now == "TIME_WAIT":
                continue
        states.append(state)
        was_reset = False
    return states
