"""A Docker engine of a test's own, and images that need no registry but the machine's own package sources.

    with Engine() as engine:            # its own folder, socket, mounts; ended by its pid, everything removed
        engine.load_base()              # debian:bookworm-slim, by mmdebstrap; kept below build/docker for the next run
        engine.docker("run", "--rm", "debian:bookworm-slim", "true")

Debian's docker.io 20.10 and docker-compose 1.29, started by hand, without iptables and without a default bridge: networks
are made by name. By default the engine lives in a network namespace of its own, so that its bridges can neither meet the
machine's networks nor outlive it; a build that fetches packages takes Engine(network="host") and makes no networks.

The engine's processes (containerd and its shims detach themselves) become children of this program when their parents end,
so all of them are found and ended by their pids. Its mounts, and its images with them, are in a mount namespace of its own and vanish with it.
"""

import atexit
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "e2e"))

import harness  # noqa: E402

CLIENT = "/usr/bin/docker"  # a client of another version may stand before it in PATH, and refuse BuildKit
COMPOSE = "/usr/bin/docker-compose"
BASE = "debian:bookworm-slim"
CACHE = pathlib.Path(os.environ.get("WOBBLE_DOCKER_CACHE", ROOT / "build" / "docker"))
_PR_SET_CHILD_SUBREAPER = 36

# In the engine's own namespaces, before it: images in memory, as deleting ten thousand files from a disk can take longer
# than all else; and the TUN device as udev leaves it on a machine that has udev, for everybody: opening it gives no
# rights, NET_ADMIN does.
PREPARE = """
ip link set lo up
mkdir "$1/data"
mount -t tmpfs -o size=6g none "$1/data"
mknod -m 666 "$1/tun" c 10 200
mount --bind "$1/tun" /dev/net/tun
shift
exec "$@"
"""


def need_engine(*programs):
    """Ends this program as skipped where no engine can run."""
    harness.need("ip", "nsenter", *programs)
    for program in ("/usr/sbin/dockerd", CLIENT, COMPOSE, "/usr/bin/mmdebstrap"):
        if not os.path.exists(program):
            skip(f"{program} is not installed (./dev setup)")


def skip(reason):
    print(f"skipped: no Docker engine can run here: {reason}", flush=True)
    sys.exit(harness.SKIPPED)


class EngineFailed(Exception):
    pass


class Engine:
    def __init__(self, network="private"):
        harness.check_errno(harness.libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
        self._network = network
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=harness.PREFIX + "-docker-", dir="/tmp"))
        self.socket = self.folder / "docker.sock"
        self.url = f"unix://{self.socket}"
        self._log = open(self.folder / "log", "w+", encoding="utf-8")
        self._before = set(_children())
        self.process = None
        atexit.register(self.stop)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Until the engine answers. If it ends instead, it cannot run here: skipped."""
        private = ["unshare", "--mount", "--propagation", "private", *(["--net"] if self._network == "private" else [])]
        self.process = subprocess.Popen(
            harness.with_us(*private, "sh", "-euc", PREPARE, "sh", self.folder, "/usr/sbin/dockerd", "--iptables=false",
                            "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--bridge=none", "--data-root",
                            self.folder / "data", "--exec-root", self.folder / "exec", "--pidfile", self.folder / "pid",
                            "-H", self.url),
            stdout=self._log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while self.docker("version", check=False).returncode != 0:
            if self.process.poll() is not None:
                skip("dockerd ends with: " + self.log().strip().splitlines()[-1])
            if time.monotonic() > deadline:
                raise EngineFailed(self.log()[-3000:])
            time.sleep(0.1)

    def log(self):
        self._log.flush()
        return (self.folder / "log").read_text(errors="replace")

    def stop(self):
        """Harmless when it has been stopped."""
        if self.process is None:
            return
        atexit.unregister(self.stop)
        if self.process.poll() is None:
            containers = self.docker("ps", "-aq", check=False).stdout.split()
            if containers:
                self.docker("rm", "-f", "-v", *containers, check=False)
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self.process = None
        self._end_what_is_left()
        self._log.close()
        shutil.rmtree(self.folder)

    def _end_what_is_left(self):
        deadline = time.monotonic() + 10
        while left := set(_children()) - self._before:
            for pid in left:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    if os.waitpid(pid, os.WNOHANG)[0] == 0 and str(self.folder) in _command_line(pid):
                        os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise EngineFailed(f"processes of the engine do not end: {left}")
            time.sleep(0.05)

    # ---------------------------------------------------------------------------------------------------- commands

    def environment(self):
        return dict(os.environ, DOCKER_HOST=self.url, DOCKER_BUILDKIT="1", DOCKER_CONFIG=str(self.folder / "client"),
                    COMPOSE_HTTP_TIMEOUT="120")

    def docker(self, *words, check=True, timeout=300, **options):
        return run([CLIENT, *map(str, words)], self.environment(), check, timeout, **options)

    def command(self, *words):
        """`words` as a command line in the engine's own network namespace, for subprocess."""
        return ["nsenter", f"--net=/proc/{self.process.pid}/ns/net", "--", *map(str, words)]

    def compose(self, project, folder, *words, check=True, timeout=120, extra=None):
        environment = dict(self.environment(), **(extra or {}))
        return run([COMPOSE, "--no-ansi", "-p", project, *map(str, words)], environment, check, timeout, cwd=folder)

    # ------------------------------------------------------------------------------------------------------ images

    def load_base(self):
        """debian:bookworm-slim from the machine's own package sources."""
        archive = CACHE / "base.bookworm.tar"
        if not archive.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            partial = CACHE / f"base.bookworm.{os.getpid()}.tar"
            try:
                run(["mmdebstrap", "--variant=minbase", "bookworm", partial, *package_sources()], os.environ, True, 600)
                partial.rename(archive)
            finally:
                partial.unlink(missing_ok=True)
        self.docker("import", archive, BASE)

    def keep(self, name, images):
        """As an archive for later runs, in place of those whose name differs behind the first full stop."""
        for old in CACHE.glob(f"{name.split('.')[0]}.*.tar"):
            old.unlink()
        partial = CACHE / f"{name}.partial"
        self.docker("save", "-o", partial, *images)
        partial.rename(CACHE / f"{name}.tar")

    def load(self, name):
        self.docker("load", "-i", CACHE / f"{name}.tar")


def kept(name):
    return (CACHE / f"{name}.tar").exists()


def package_sources():
    """The machine's own apt sources of Debian, as mmdebstrap takes them."""
    candidates = [pathlib.Path("/etc/apt/sources.list"), *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*.sources")),
                  *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*.list"))]
    found = [str(path) for path in candidates if path.exists() and "bookworm" in path.read_text(errors="replace")]
    if not found:
        skip("this machine has no package sources of Debian bookworm")
    return found


def run(words, environment, check, timeout, **options):
    done = subprocess.run([str(word) for word in words], env=environment, timeout=timeout, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if check and done.returncode != 0:
        raise EngineFailed(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-5000:]}")
    return done


def _children():
    tasks = f"/proc/{os.getpid()}/task"
    for task in os.listdir(tasks):
        with contextlib.suppress(FileNotFoundError):
            with open(f"{tasks}/{task}/children", encoding="ascii") as file:
                yield from map(int, file.read().split())


def _command_line(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().replace(b"\0", b" ").decode("utf-8", "replace")
