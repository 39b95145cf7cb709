"""attach container:NAME, from a daemon that runs beside the engine: with Docker and with Podman, by the sockets they are
usually at. A container that is removed is noticed, one that is restarted is followed, another one is not affected, and when
the daemon is killed a transfer goes on.

The containers have a network namespace and nothing in it but what this test wires there, so that no bridge and no firewall
of the engine plays a part. In a machine of this test's own."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import engine
import harness
import ways
import ways_in_fails

import plain_server


def setUpModule():
    harness.private_machine()


def make_image(folder):
    """A tar archive of what `sleep` needs."""
    root = pathlib.Path(folder) / "root"
    needed = subprocess.run(["ldd", "/bin/sleep"], capture_output=True, text=True, check=True).stdout
    libraries = [word for word in needed.split() if word.startswith("/")]
    for path in ["/bin/sleep", *libraries]:
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / path[1:])
    archive = pathlib.Path(folder) / "sleep.tar"
    subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
    return archive


class Container(ways.Netns):
    """In the shape of a named namespace; asked for its process anew after each start."""

    def __init__(self, name, pid):  # pylint: disable=super-init-not-called
        self.name, self.pid, self.processes = name, pid, []
        self.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.default.disable_ipv6=0",
                 "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.addr_gen_mode=1")
        self.run("ip", "link", "set", "lo", "up")

    def command(self, *words):
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *words]

    def wire(self, server, number):
        """As ways.wire(), the peer's interface being called after the number."""
        subprocess.run(["ip", "link", "add", f"e{number}", "netns", server.name, "type", "veth", "peer", "name", "e0", "netns",
                        str(self.pid)], check=True)
        for side, name, host in ((self, "e0", 1), (server, f"e{number}", 2)):
            side.run("ip", "addr", "add", f"10.88.{number}.{host}/24", "dev", name)
            side.run("ip", "addr", "add", f"fd88:{number}::{host}/64", "dev", name, "nodad")
            side.run("ip", "link", "set", name, "up")
        for side, name in ((self, "e0"), (server, f"e{number}")):
            ways.wait("the kernel's own routes", lambda side=side, name=name: "ff00::/8" in side.run(
                "ip", "-6", "route", "show", "table", "all", "dev", name).stdout)


class Docker:
    """An engine of this test's own, at the socket that Docker has on every machine."""
    title = "Docker"

    def __init__(self, folder):
        self.engine = engine.Engine()
        self.engine.start()
        os.symlink(self.engine.socket, "/run/docker.sock")
        self.engine.docker("import", make_image(folder), "sleep")

    def command(self, *words):
        return self.engine.docker(*words).stdout.strip()

    def start(self, name):
        self.command("run", "-d", "--name", name, "--network", "none", "--stop-timeout", "0", "--sysctl", "net.ipv6.conf.all.disable_ipv6=0", "sleep",
                     "/bin/sleep", "1000")

    def pid(self, name):
        return int(self.command("inspect", "-f", "{{.State.Pid}}", name))

    def stop(self):
        os.unlink("/run/docker.sock")
        self.engine.stop()


class Podman:
    """`podman system service` at the socket that its systemd unit has. Its folders are in memory and in /run, which are
    this test's own, and so are its control groups."""
    title = "Podman"
    socket = "/run/podman/podman.sock"

    def __init__(self, folder):
        if not shutil.which("podman"):
            raise unittest.SkipTest("podman is not installed (./dev setup)")
        for path in ("/dev/shm", "/var/tmp"):
            harness.check_errno(harness.libc.mount(b"none", path.encode(), b"tmpfs", 0, None))
        os.makedirs("/run/podman")
        self.folder = pathlib.Path("/run/podman")
        self.parent = harness.PREFIX
        self.base = ["podman", "--root", self.folder / "root", "--runroot", self.folder / "run", "--tmpdir",
                     self.folder / "tmp", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]
        self.command("import", make_image(folder), "sleep")
        self.service = subprocess.Popen(
            harness.with_us(*self.base, "system", "service", "-t", "0", f"unix://{self.socket}"), stderr=subprocess.DEVNULL)
        ways.wait("the service's socket", lambda: os.path.exists(self.socket))

    def command(self, *words):
        return ways.run(*map(str, self.base), *map(str, words)).stdout.strip()

    def start(self, name):
        limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]  # to raise them takes SYS_RESOURCE
        try:
            self.command("run", "-d", "--name", name, "--network", "none", "--stop-timeout", "0", "--cgroup-parent", self.parent, *limits, "sleep",
                         "/bin/sleep", "1000")
        except subprocess.CalledProcessError as error:
            raise unittest.SkipTest(f"podman runs no container here: {error.stderr.strip()}") from None

    def pid(self, name):
        return int(self.command("inspect", "-f", "{{.State.Pid}}", name))

    def stop(self):
        self.service.terminate()
        self.service.wait(10)
        self.command("rm", "-af", "-t", "0")
        for group in pathlib.Path("/sys/fs/cgroup").glob(f"*/{self.parent}"):
            for folder in [*sorted(group.glob("**/"), reverse=True)]:
                ways.wait("a control group to be empty", lambda folder=folder: _removed(folder))


def _removed(folder):
    try:
        folder.rmdir()
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


class Containers:
    """What holds with both."""

    kind = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix=harness.PREFIX + "-", dir="/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.docker_host = os.environ.pop("DOCKER_HOST", None)  # the usual sockets are what is tested
        cls.engine = cls.kind(cls.folder)
        cls.addClassCleanup(cls.engine.stop)

    def setUp(self):
        self.server = ways.Netns()
        self.addCleanup(self.server.close)
        self.here = ways.machine()
        self.web = self.start("web", 1)
        self.other = self.start("other", 2)
        self.server.serve(80)

    def tearDown(self):
        self.assertEqual(self.here, ways.machine())  # nothing of it is in our own namespace

    def start(self, name, number):
        self.engine.start(name)
        self.addCleanup(self.engine.command, "rm", "-f", name)
        container = Container(name, self.engine.pid(name))
        container.wire(self.server, number)
        return container

    def daemon(self, *options, command=None):
        daemon = ways.Daemon(*options, command=command)
        self.addCleanup(daemon.stop)
        return daemon

    def attach(self, daemon, **settings):
        return daemon.create(attach={"target": "container:web", **settings}, both={"delay": "50ms"})

    def test_one_is_attached_and_another_is_not(self):
        before = ways.machine(self.web)
        daemon = self.daemon()
        link = self.attach(daemon)
        self.assertEqual(("web", "up"), (link["name"], link["way_in"]["state"]))
        ways.check_way_in(self, daemon, "web", self.web, ("http://10.88.1.2/", "http://[fd88:1::2]/"),
                          (("10.88.1.1", "10.88.1.2"), ("fd88:1::1", "fd88:1::2")), self.engine.title)
        taken = daemon.total("web")
        for url in ("http://10.88.2.2/", "http://[fd88:2::2]/"):
            self.assertLess(min(ways.connect_times(self.other, url)), 0.05)
        self.assertEqual(taken, daemon.total("web"))
        daemon.delete("web")
        self.assertEqual(before, ways.machine(self.web))

    def test_one_that_is_removed_is_noticed(self):
        daemon = self.daemon()
        self.attach(daemon, fail="closed")  # by what must be on record, since it outlives a daemon that is killed
        self.assertTrue(os.listdir("/run/wobble"))
        self.engine.command("rm", "-f", "web")
        ways.wait("the link to be removed", lambda: not daemon.api.get("/api/v1/links")["items"])
        told = [event["text"] for event in daemon.api.get("/api/v1/events?link=web&limit=1000")["items"]]
        self.assertIn("web: container 'web' has ended", told)
        ways.wait("its record to be gone", lambda: not os.path.exists("/run/wobble") or not os.listdir("/run/wobble"))
        self.assertIn("no container 'web'", daemon.refuse(422, attach={"target": "container:web"}))

    def test_one_that_is_restarted_is_followed(self):
        daemon = self.daemon()
        self.attach(daemon, follow=True)
        pid = self.web.pid
        for number in (3, 4):
            self.engine.command("restart", "-t", "0", "web")
            again = Container("web", ways.wait("it to run again", lambda: self.engine.pid("web")))
            self.assertNotEqual(pid, again.pid)
            again.wire(self.server, number)
            ways.wait("it to be attached again", lambda again=again: "wob0" in again.run("ip", "link").stdout)
            ways.wait("the link to be up", lambda: daemon.api.get("/api/v1/links/web")["way_in"]["state"] == "up")
            ways.check_connect(self, again, f"http://10.88.{number}.2/", 0.1, f"{self.engine.title}, restarted", count=3)
            pid = again.pid
        self.engine.command("stop", "-t", "0", "web")
        ways.wait("it to wait", lambda: daemon.api.get("/api/v1/links/web")["way_in"]["state"] == "waiting")
        ways.wait("its reason", lambda: "is not running" in daemon.api.get("/api/v1/links/web")["way_in"]["detail"])
        self.assertIn("is not running (it is exited)", daemon.refuse(422, name="b", attach={"target": "container:web"}))
        daemon.delete("web")

    def test_killed_in_a_transfer(self):
        before = ways.machine(self.web)
        self.server.serve(8080, str(ways_in_fails.RATE))
        daemon = self.daemon()
        daemon.create(attach={"target": "container:web"}, both={"delay": "5ms"})
        length = ways_in_fails.LENGTH
        reader = self.web.popen("python3", "-c", ways_in_fails.READER.replace("80)", "8080)"), "10.88.1.2", str(length),
                                stdout=subprocess.PIPE, text=True)
        self.addCleanup(reader.stdout.close)
        self.assertEqual("a quarter\n", reader.stdout.readline())
        daemon.stop(signal.SIGKILL)
        got, digest, gap = reader.stdout.read().split()
        reader.wait(10)
        print(f"{self.engine.title}: killed during a transfer: {got} bytes, longest gap {1e3 * float(gap):.0f} ms")
        self.assertEqual((length, plain_server.pattern_sum(length)), (int(got), digest))
        with ways.Daemon():
            self.assertEqual(before, ways.machine(self.web))

    def test_by_another_socket(self):
        """Named by --docker-socket and by DOCKER_HOST; and none there at all, and none that may be read."""
        socket = os.path.realpath("/run/docker.sock" if self.engine.title == "Docker" else Podman.socket)
        elsewhere = f"{self.folder}/engine.sock"
        os.symlink(socket, elsewhere)
        self.addCleanup(os.unlink, elsewhere)
        for daemon in (self.daemon("--docker-socket", elsewhere),
                       self.daemon(command=["env", f"DOCKER_HOST=unix://{elsewhere}", harness.DAEMON])):
            self.attach(daemon)
            daemon.delete("web")
        line = self.daemon("--docker-socket", "/nonexistent.sock").refuse(503, attach={"target": "container:web"})
        self.assertRegex(line, r"^cannot ask the container engine at /nonexistent.sock: there is no such socket; [^\n]+$")
        nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=+net_admin,+sys_admin,+sys_ptrace",
                  "--ambient-caps=+net_admin,+sys_admin,+sys_ptrace", harness.DAEMON]
        os.chmod(self.folder, 0o755)
        os.chmod(socket, 0o660)
        folder = tempfile.mkdtemp(prefix=harness.PREFIX + "-", dir="/tmp")
        self.addCleanup(shutil.rmtree, folder)
        os.chown(folder, 65534, 0)
        daemon = ways.Daemon("--docker-socket", elsewhere, directory=folder, command=nobody)
        self.addCleanup(daemon.stop)
        self.assertRegex(daemon.refuse(503, attach={"target": "container:web"}), r": permission denied; run wobbled as root, or "
                                                                                  r"as a member of the socket's group")


class WithDocker(Containers, unittest.TestCase):
    kind = Docker


class WithPodman(Containers, unittest.TestCase):
    kind = Podman


if __name__ == "__main__":
    engine.need_engine("curl", "nft", "ss", "setpriv")
    sys.stdout.reconfigure(line_buffering=True)
    unittest.main(verbosity=2)
