"""Clang's thread-safety analysis of every source that includes emulator/mutex.h, through whichever headers; of the tests, which
reach no private member, those that have mutexes of their own.

thread_safety.py BUILD: a build folder with a compile_commands.json, which may be another compiler's. Prints what is found,
and fails if there is something.
"""

import concurrent.futures
import functools
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEPT = re.compile(r"-(std=|D|I|isystem$)")  # what a file's meaning depends on; the rest is the other compiler's
ANALYSIS = ["-fsyntax-only", "-Wno-everything", "-Wthread-safety", "-Werror=thread-safety"]


@functools.cache
def has_mutexes(path):
    if path == "emulator/mutex.h":
        return True
    if not (ROOT / path).exists():  # made by the build
        return False
    headers = re.findall(r'#include "([^"]+)"', (ROOT / path).read_text())
    if path.startswith("tests/"):
        headers = [header for header in headers if header in ("emulator/mutex.h", path.removesuffix(".cpp") + ".h")]
    return any(map(has_mutexes, headers))


def flags(command):
    words = iter(shlex.split(command))
    for word in words:
        if KEPT.match(word):
            yield word
            if word == "-isystem":
                yield next(words)


def look_at(entry):
    run = subprocess.run(["clang++", *flags(entry["command"]), *ANALYSIS, entry["file"]], cwd=entry["directory"],
                         capture_output=True, text=True)
    return run.stderr if run.returncode != 0 else ""


def main():
    entries = json.loads((pathlib.Path(sys.argv[1]) / "compile_commands.json").read_text())
    of_file = {os.path.relpath(entry["file"], ROOT): entry for entry in entries}
    asked = [entry for path, entry in of_file.items() if not path.startswith("build/") and has_mutexes(path)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [text for text in pool.map(look_at, asked) if text]
    print("".join(found), end="")
    print(f"thread safety: {len(asked)} files, {len(found)} with findings")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
