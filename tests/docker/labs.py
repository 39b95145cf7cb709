"""The labs of docker/: each is brought up by docker-compose, its experiment run and its output checked, and torn down."""

import subprocess
import unittest

import engine
import images


class Labs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        images.prepare()
        cls.engine = cls.enterClassContext(engine.Engine())
        images.load(cls.engine)
        cls.engine.docker("tag", images.WOBBLE, "wobble:latest")

    def experiment(self, name):
        """Its output. It ends with an error, and is shown, if one of its checks does not hold."""
        folder = engine.ROOT / "docker" / name
        extra = {"DOCKER_SOCKET": str(self.engine.socket), "COMPOSE_PROJECT_NAME": f"lab{name}", "COMPOSE": engine.COMPOSE,
                 "DOCKER": engine.CLIENT}
        compose = lambda *words, **options: self.engine.compose(f"lab{name}", folder, *words, extra=extra, **options)
        self.addCleanup(self.torn_down, compose)
        compose("up", "-d", "--no-build")
        done = subprocess.run(["./experiment.sh"], cwd=folder, env=dict(self.engine.environment(), **extra), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=150, check=False)
        if done.returncode != 0:
            self.fail(done.stdout + compose("logs", "--no-color", "--tail", "20", check=False).stdout)
        return done.stdout

    def torn_down(self, compose):
        compose("down", "-v", "-t", "2")
        self.assertEqual("", self.engine.docker("ps", "-aq").stdout)
        networks = self.engine.docker("network", "ls", "--format", "{{.Name}}").stdout.split()
        self.assertEqual({"host", "none"}, set(networks))

    def test_gateway(self):
        said = self.experiment("gateway")
        self.assertIn("ok: a transition to TIME_WAIT", said)
        self.assertIn("ok: keep-alive: 1 connection\nok: HTTP/1.0: 3 connections", said)
        self.assertIn("ok: no connection\nok: nor by IPv6", said)
        self.assertRegex(said, r"ok: by IPv6 after 0\.1\d+ s\nok: each family in the log")

    def test_sidecar(self):
        said = self.experiment("sidecar")
        self.assertRegex(said, r"ok: connected after 0\.1\d+ s")
        self.assertRegex(said, r"ok: the answer took")
        self.assertIn("ok: connected again", said)

    def test_attach(self):
        said = self.experiment("attach")
        self.assertIn("ok: 100 ms each", said)
        self.assertIn("failed after", said)
        self.assertIn("ok: its rules are its own again", said)
        self.names_in_a_container()

    def names_in_a_container(self):
        """`wobble run` where the name server is Docker's own, 127.0.0.11, which no packet from elsewhere reaches."""
        wobble = self.engine.docker("ps", "-q", "--filter", "label=com.docker.compose.service=wobble").stdout.strip()
        self.assertIn("nameserver 127.0.0.11\n", self.engine.docker("exec", wobble, "cat", "/etc/resolv.conf").stdout)
        # A run makes this container a router, which wants its parameters; the lab itself wants none.
        self.engine.docker("exec", wobble, "mount", "-o", "remount,rw", "/proc/sys")
        for options in ([], ["-e", "RES_OPTIONS=use-vc"]):
            said = self.engine.docker("exec", *options, wobble, "wobble", "run", "--both", "delay 50ms", "--", "getent", "ahostsv4",
                                      "database")
            self.assertRegex(said.stdout, r"^\d+\.\d+\.\d+\.\d+ +STREAM database\n")


if __name__ == "__main__":
    engine.need_engine()
    unittest.main(verbosity=2)
