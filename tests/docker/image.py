"""The image of docker/Dockerfile: it builds, is small, runs as nobody with no more than it was given, and is healthy."""

import json
import time
import unittest

import engine
import images


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        images.prepare()
        cls.engine = cls.enterClassContext(engine.Engine())
        images.load(cls.engine)

    def run_wobble(self, *words, options=()):
        return self.engine.docker("run", "--rm", "--network", "none", *options, "wobble:test", *words, check=False)

    def inspect(self, what):
        return json.loads(self.engine.docker("inspect", what).stdout)[0]

    def until(self, what, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            self.assertLess(time.monotonic(), deadline, f"not within {seconds} s: {what}")
            time.sleep(0.1)
        return value

    def test_says_its_version(self):
        self.assertRegex(self.run_wobble("--version").stdout, r"^wobbled \d+\.\d+\.\d+\n$")

    def test_is_no_root_and_asks_for_nothing(self):
        image = self.inspect("wobble:test")
        self.assertEqual("wobble", image["Config"]["User"])
        self.assertIn("wobble", image["Config"]["Healthcheck"]["Test"])

    def test_adds_little_to_its_base(self):
        added = self.inspect("wobble:test")["Size"] - self.inspect(engine.BASE)["Size"]
        print(f"wobble adds {added / 1e6:.1f} MB to {engine.BASE}")
        self.assertLess(added, 40e6)

    def test_the_package_installs_and_goes_again(self):
        """The .deb of the build under test, on a Debian that has what it depends on."""
        folder = self.engine.folder / "deb"
        engine.run(["cpack", "--config", f"{engine.harness.BUILD}/CPackConfig.cmake", "-B", folder], None, True, 120)
        said = self.engine.docker(
            "run", "--rm", "--network", "none", "-v", f"{folder}:/deb:ro", images.RUNTIME, "sh", "-ec",
            "dpkg -i /deb/*.deb && wobbled --version && wobble --version && dpkg -L wobble | xargs ls -d >/dev/null"
            " && dpkg -r wobble && ! test -e /usr/bin/wobbled").stdout
        self.assertRegex(said, r"\nwobbled (\S+)\nwobble \1\n")

    def test_without_rights_one_line(self):
        refused = self.run_wobble("--lab")
        self.assertEqual(1, refused.returncode, refused.stdout)
        self.assertRegex(refused.stderr, r"^wobbled: [^\n]*not permitted[^\n]*\n$")

    def test_lab_runs_and_is_healthy(self):
        options = ["--cap-add", "NET_ADMIN", "--cap-add", "SYS_ADMIN", "--device", "/dev/net/tun"]
        name = self.engine.docker("run", "-d", "--network", "none", *options, "wobble:test", "--lab", "--demo").stdout.strip()
        self.addCleanup(self.engine.docker, "rm", "-f", name)
        self.until("healthy", lambda: self.inspect(name)["State"].get("Health", {}).get("Status") == "healthy")
        self.until("connections in the log", lambda: json.loads(self.engine.docker(
            "exec", name, "wobble", "--json", "connections").stdout)["items"])
        owner = self.engine.docker("exec", name, "stat", "-c", "%U", "/proc/1", "/var/lib/wobble/wobble.db").stdout.split()
        self.assertEqual("wobble", owner[1])
        self.engine.docker("stop", "-t", "10", name)
        self.assertEqual(0, self.inspect(name)["State"]["ExitCode"])


if __name__ == "__main__":
    engine.need_engine()
    unittest.main(verbosity=2)
