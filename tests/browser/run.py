"""The page in a real Chromium, against a daemon of our own with its lab and live traffic: node --test over all *.test.mjs."""

import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import harness  # noqa: E402


def main():
    browser = os.environ.get("WOBBLE_CHROMIUM", "/usr/bin/chromium")
    if not pathlib.Path(browser).exists() or not shutil.which("node"):
        print("skipped: needs chromium and node (./dev setup)")
        return 77
    harness.need("node")
    with harness.Lab("--demo") as lab:
        environment = dict(os.environ, WOBBLE_URL=lab.url, WOBBLE_BIN=f"{harness.BUILD}/wobble")
        tests = sorted(str(path) for path in HERE.glob("*.test.mjs"))
        return subprocess.run(["node", "--test", "--test-concurrency=1", *tests], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
