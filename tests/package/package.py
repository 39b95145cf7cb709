"""What a packager ships: man pages that leave nothing out, completion, a unit that systemd accepts, and the .deb itself."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WOBBLE_BUILD", ROOT / "build" / "release"))
COMPLETION = ROOT / "daemon" / "package" / "wobble.bash-completion"
ENVIRONMENT = dict(os.environ, WOBBLE_URL="http://127.0.0.1:1")  # nobody is there


def output(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120, check=False,
                          env=ENVIRONMENT, **options)
    if done.returncode != 0:
        raise AssertionError(f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def options_in(help_text):
    """Long options, but for those that every program has."""
    part = help_text.split("\nOptions:\n", 1)[1].split("\n\n", 1)[0]
    return set(re.findall(r"^  (?:-\w,)?(--[a-z-]+)", part, re.MULTILINE))


def subcommands():
    part = output(BUILD / "wobble", "--help").split("\nSubcommands:\n", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^  ([a-z-]+)\s", part, re.MULTILINE)


def page(name):
    return (ROOT / "daemon" / "man" / name).read_text()


def section(text, subcommand):
    found = re.search(rf"^\.SS {re.escape(subcommand)}\b.*?(?=^\.S[SH] |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(0) if found else ""


class ManPages(unittest.TestCase):
    def test_wobbled_has_every_option(self):
        text = page("wobbled.8").replace("\\-", "-")
        options = options_in(output(BUILD / "wobbled", "--help"))
        self.assertGreater(len(options), 8)
        self.assertEqual([], [option for option in sorted(options) if not re.search(option + r"\b", text)])

    def test_wobble_has_every_subcommand_and_option(self):
        text = page("wobble.1").replace("\\-", "-")
        known = subcommands()
        self.assertGreater(len(known), 10)
        missing = [option for option in options_in(output(BUILD / "wobble", "--help")) if option not in text]
        for subcommand in known:
            own = section(text, subcommand)
            if not own:
                missing.append(subcommand)
            for option in options_in(output(BUILD / "wobble", subcommand, "--help")) - {"--help"}:
                if not re.search(option + r"\b", own):
                    missing.append(f"{subcommand} {option}")
        self.assertEqual([], missing, "missing in daemon/man/wobble.1")

    def test_nothing_that_is_gone(self):
        """What the page heads a section with is there to be called."""
        headed = set(re.findall(r"^\.SS ([a-z-]+)", page("wobble.1"), re.MULTILINE))
        self.assertEqual(set(), headed - set(subcommands()))

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_groff_has_no_complaint(self):
        for name in (ROOT / "daemon/man/wobble.1", ROOT / "daemon/man/wobbled.8", BUILD / "wobble-settings.7"):
            done = subprocess.run(["groff", "-man", "-ww", "-b", "-Tutf8", "-z", name],
                                  capture_output=True, text=True, check=False)
            self.assertEqual("", done.stderr)


class Completion(unittest.TestCase):
    """Sourced by a real bash, asked as bash asks it."""

    def complete(self, *words):
        script = f"""
            set -eu
            . {COMPLETION}
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            $(complete -p "$(basename "$1")" | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        path = {"wobble": BUILD / "wobble", "wobbled": BUILD / "wobbled"}
        return output("bash", "-c", script, "bash", path[words[0]], *words[1:]).split()

    def test_subcommands(self):
        self.assertEqual(sorted(subcommands()), sorted(self.complete("wobble", "")))
        self.assertEqual(["connections"], self.complete("wobble", "--json", "con"))

    def test_options_of_a_subcommand(self):
        self.assertEqual(["--follow"], self.complete("wobble", "connections", "--fo"))
        self.assertIn("--url", self.complete("wobble", "events", "--u"))
        self.assertEqual(["--dry-run"], self.complete("wobble", "cleanup", "--dry"))

    def test_words_of_set(self):
        self.assertEqual(["delay"], self.complete("wobble", "set", "lab", "up", "de"))
        self.assertEqual(["idle_timeout"], self.complete("wobble", "set", "lab", "up", "idle"))

    def test_settings(self):
        self.assertEqual(["queue.quantum"], self.complete("wobble", "settings", "queue.qu"))

    def test_behind_the_dashes_is_a_command(self):
        self.assertIn("bash", self.complete("wobble", "exec", "lab", "near", "--", "bas"))

    def test_daemon(self):
        self.assertEqual(["--lab"], self.complete("wobbled", "--la"))

    def test_links_of_the_daemon(self):
        """From what `wobble --json status` prints, since no daemon runs here."""
        with tempfile.TemporaryDirectory() as folder:
            fake = pathlib.Path(folder) / "wobble"
            fake.write_text("#!/bin/sh\ncat <<'EOF'\n" + STATUS + "EOF\n")
            fake.chmod(0o755)
            script = f'. {COMPLETION}; _wobble_links {fake}'
            self.assertEqual(["lab", "web-1"], output("bash", "-c", script).split())


STATUS = """{
  "daemon": {
    "name": "wobbled"
  },
  "links": [
    {
      "name": "lab",
      "near": {
        "name": "x"
      }
    },
    {
      "name": "web-1"
    }
  ]
}
"""


class Unit(unittest.TestCase):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_systemd_accepts_it(self):
        text = (ROOT / "daemon" / "package" / "wobbled.service").read_text()
        with tempfile.TemporaryDirectory() as folder:
            unit = pathlib.Path(folder) / "wobbled.service"
            unit.write_text(text.replace("/usr/bin/wobbled", str(BUILD / "wobbled")))
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
            self.assertEqual((0, ""), (done.returncode, done.stdout + done.stderr))

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_it_is_hardened(self):
        """By systemd's own measure, from 0 (little exposed) to 10; an ordinary service has 9.6."""
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=35",
                               ROOT / "daemon" / "package" / "wobbled.service"], capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"Overall exposure level for wobbled.service: [0-3]\.\d")


class Debian(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="wobble-test-deb-")))
        output("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", cls.folder, cwd=cls.folder)
        cls.package = next(cls.folder.glob("*.deb"))
        cls.root = cls.folder / "root"
        output("dpkg-deb", "-x", cls.package, cls.root)

    def field(self, name):
        return output("dpkg-deb", "-f", self.package, name).strip()

    def test_what_is_in_it(self):
        for path in ("usr/bin/wobbled", "usr/bin/wobble", "usr/share/man/man8/wobbled.8", "usr/share/man/man1/wobble.1",
                     "usr/share/man/man7/wobble-settings.7", "usr/lib/systemd/system/wobbled.service", "usr/share/bash-completion/completions/wobble",
                     "usr/share/bash-completion/completions/wobbled", "usr/share/doc/wobble/copyright"):
            self.assertTrue((self.root / path).is_file(), path)
        documents = self.root / "usr/share/doc/wobble"
        links = re.findall(r"\]\(([^)\s]+)\)", (documents / "README.md").read_text())
        self.assertEqual([], [link for link in links if not (documents / link).is_file()])
        owners = {line.split()[1] for line in output("dpkg-deb", "-c", self.package).splitlines()}
        self.assertEqual({"root/root"}, owners)

    def test_the_programs_run(self):
        version = self.field("Version")
        self.assertEqual(f"wobbled {version}\n", output(self.root / "usr/bin/wobbled", "--version"))
        self.assertEqual(f"wobble {version}\n", output(self.root / "usr/bin/wobble", "--version"))

    def test_what_it_needs(self):
        needs = self.field("Depends")
        for package in ("iproute2", "libsqlite3-0", "libcpp-httplib0.11", "libmicrohttpd12", "libc6"):
            self.assertIn(package, needs)

    def test_its_scripts_are_sound(self):
        control = self.folder / "control"
        output("dpkg-deb", "-e", self.package, control)
        for script in ("postinst", "prerm"):
            output("sh", "-n", control / script)
            self.assertTrue(os.access(control / script, os.X_OK))


if __name__ == "__main__":
    unittest.main(verbosity=2)
