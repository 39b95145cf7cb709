"""The repository's own rules, as tests: layers, sizes, format, and what must not stand in a tracked file."""

import json
import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What each layer may include of ours. Arrows only point down.
MAY_INCLUDE = {
    "emulator": {"emulator"},
    "api": {"api", "emulator", "web"},
    "daemon": {"daemon", "api", "emulator"},
    "tests": {"tests", "daemon", "api", "emulator"},
}
# Headers of others, by layer; the standard library and the system's are everywhere.
THIRD_PARTY = {
    "emulator": set(),
    "api": {"nlohmann", "microhttpd.h", "zlib.h"},
    "daemon": {"nlohmann", "httplib.h", "sqlite3.h", "spdlog", "fmt", "CLI", "zlib.h", "libmnl"},
}
SYSTEM_FOLDERS = {"sys", "linux", "netinet", "arpa", "net"}
TOP_LEVEL = {
    "CMakeLists.txt", "daemon", "emulator", "api", "web", "tests", "docker", "README.md", "dev", ".ci", "CMakePresets.json",
    ".clang-format", ".clang-tidy", ".gitignore", "LICENSE", "ARCHITECTURE.md", "CHANGELOG.md",
}
# The command `wobble` has no threads. What its children do before they become another program is said there.
MAY_FORK = {"daemon/cli/process/foreground.cpp", "daemon/cli/process/private_daemon.cpp"}
# Sources without a header of their own: programs, and the commands, which command.h lists.
HAS_NO_HEADER = re.compile(r"(daemon/wobbled|daemon/cli/main|daemon/cli/commands/\w+)\.cpp")
LONGEST_FILE = 400
MOST_IN_A_ROOM = 64
LONGEST_FUNCTION = 70


def tracked(*patterns):
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT,
                             capture_output=True, text=True, check=True).stdout
    return [path for path in listing.splitlines() if (ROOT / path).exists()]


def sources():
    return tracked("*.h", "*.cpp")


class Structure(unittest.TestCase):
    def test_top_level(self):
        self.assertLessEqual({path.split("/")[0] for path in tracked()}, TOP_LEVEL)

    def test_layers(self):
        wrong = []
        for path in sources():
            layer = path.split("/")[0]
            for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
                ours = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
                if ours and ours[1].split("/")[0] not in MAY_INCLUDE[layer]:
                    wrong.append(f"{path}:{number}: {layer} may not include {ours[1]}")
                theirs = re.match(r"\s*#\s*include\s*<([^>]+)>", line)
                if theirs and layer in THIRD_PARTY and self.is_third_party(theirs[1], layer):
                    wrong.append(f"{path}:{number}: {layer} may not include <{theirs[1]}>")
        self.assertEqual(wrong, [])

    def test_every_source_has_a_header_of_its_name(self):
        alone = [path for path in tracked("emulator/*.cpp", "api/*.cpp", "daemon/*.cpp")
                 if not (ROOT / path).with_suffix(".h").exists() and not HAS_NO_HEADER.fullmatch(path)]
        self.assertEqual(alone, [])

    def test_rooms(self):
        """A folder is a room; what two rooms need of each other goes one way, and no round of rooms leads back."""
        needs = {}
        for path in sources():
            room = path.rpartition("/")[0]
            if not path.startswith("tests/"):
                ours = re.findall(r'#include "([^"]+)/[^/"]+"', (ROOT / path).read_text())
                needs.setdefault(room, {})[path] = set(ours) - {room}
        above = {room: set().union(*files.values()) for room, files in needs.items()}
        while top := [room for room in above if not any(room in others for others in above.values())]:
            for room in top:
                del above[room]
        self.assertEqual(above.keys() & set().union(*above.values()), set(), {
            path: sorted(rooms & above.keys()) for room in above for path, rooms in needs[room].items() if rooms & above.keys()})

    def test_rooms_can_be_seen(self):
        files = {}
        for path in sources():
            files.setdefault(path.rpartition("/")[0], []).append(path)
        crowded = {room: len(held) for room, held in files.items() if not room.startswith("tests/") and len(held) > MOST_IN_A_ROOM}
        self.assertEqual(crowded, {})

    @staticmethod
    def is_third_party(header, layer):
        first = header.split("/")[0]
        if first in SYSTEM_FOLDERS or first in THIRD_PARTY[layer]:
            return False
        is_known_elsewhere = any(first in allowed for allowed in THIRD_PARTY.values())
        return is_known_elsewhere or "/" in header

    def test_the_page_hears_every_kind_of_event(self):
        def kinds(path, beginning, end, quote):
            listing = (ROOT / path).read_text().split(beginning)[1].split(end)[0]
            return re.findall(f"{quote}(\\w+){quote}", re.sub("//.*", "", listing))
        ours = kinds("api/event_kinds.h", "kEventKinds[] = {", "};", '"')
        self.assertGreater(len(ours), 10)
        self.assertEqual(sorted(ours), sorted(kinds("web/event_line.js", "EVENT_KINDS =", "]);", "'")))

    def test_nobody_forks_who_may_have_threads(self):
        """A lock that another thread held at that moment is held in the child for ever: it hangs when it allocates."""
        call = re.compile(r"\bv?fork\(\)|\bpreexec_fn=|\bos\.fork\b")
        found = {path for path in tracked("*.h", "*.cpp", "*.py") if call.search((ROOT / path).read_text())}
        self.assertEqual(found - {"tests/structure/structure.py"}, MAY_FORK)

    def test_mutexes_are_known_to_the_analysis(self):
        """`./dev lint threads` looks only at those of emulator/mutex.h. The others guard no member."""
        mutex = re.compile(r"\bstd::(?:(?:timed_|recursive_|shared_)?mutex\b|lock_guard\b|scoped_lock\b)")
        found = {path for path in sources() if mutex.search((ROOT / path).read_text())}
        self.assertEqual(found, {"emulator/mutex.h", "daemon/service/patient_mutex.h", "api/handlers/link_locks.h"})

    def test_every_test_has_a_time_out(self):
        for path in tracked("*CMakeLists.txt"):
            text = (ROOT / path).read_text()
            tests = len(re.findall(r"\b(?:add_test|gtest_discover_tests)\(", text))
            self.assertEqual(tests, len(re.findall(r"PROPERTIES TIMEOUT ", text)), path)

    def test_file_length(self):
        long = [f"{path}: {lines} lines" for path in tracked("*.h", "*.cpp", "*.js", "*.mjs", "*.css", "*.py", "*.sh", "dev")
                if (lines := len((ROOT / path).read_text().splitlines())) > LONGEST_FILE]
        self.assertEqual(long, [])

    @unittest.skipUnless(shutil.which("ctags"), "universal-ctags is not installed")
    def test_function_length(self):
        tags = subprocess.run(["ctags", "--output-format=json", "--fields=+ne", "--languages=C++", "--map-C++=+.h",
                               "--kinds-C++=f", "-L", "-", "-f", "-"], input="\n".join(sources()), cwd=ROOT,
                              capture_output=True, text=True, check=True).stdout
        found = [json.loads(line) for line in tags.splitlines()]
        self.assertGreater(len(found), 100)
        long = [f"{tag['path']}:{tag['line']}: {tag['name']} has {lines} lines" for tag in found
                if (lines := tag.get("end", tag["line"]) - tag["line"] + 1) > LONGEST_FUNCTION]
        self.assertEqual(long, [])

    @unittest.skipUnless(shutil.which("clang-format"), "clang-format is not installed")
    def test_format(self):
        run = subprocess.run(["clang-format", "--dry-run", "-Werror", *sources()], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, "run ./dev fmt\n" + run.stderr[:2000])


if __name__ == "__main__":
    unittest.main(verbosity=1)
