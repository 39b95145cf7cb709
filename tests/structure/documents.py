"""What the pages for people say that can be compared: with the table of requests, the commands, the files that there are."""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCREEN = 65  # lines


def pages():
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT,
                             capture_output=True, text=True, check=True).stdout
    return [ROOT / path for path in listing.splitlines() if (ROOT / path).exists()]


def anchors(page):
    """As GitHub makes them: lower case, no marks, a hyphen for each space."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code_in(page):
    text = page.read_text()
    return re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL) + re.findall(r"`([^`\n]+)`", text)


def rows_of_routes():
    table = (ROOT / "api" / "handlers" / "routes.cpp").read_text()
    found = re.findall(r'\{"(\w+)",\s+"([^"]+)",\s+to<[^>]*>,\s+"([^"]*)",\s+"[^"]*",\s+\d+, "[^"]*",\s+"([^"]*)"\}', table)
    assert len(found) == table.count("to<&H::"), "routes.cpp is not read as it is written"
    return [f"| `{method} {path}` | {' '.join(query.split())} | {summary} |" for method, path, query, summary in found]


def commands():
    return {name for path in (ROOT / "daemon" / "cli" / "commands").glob("*.cpp")
            for name in re.findall(r'add_subcommand\(\s*"([a-z]+)"', path.read_text())}


class Documents(unittest.TestCase):
    def test_readme_is_one_screen(self):
        self.assertLessEqual(len((ROOT / "README.md").read_text().splitlines()), SCREEN)

    def test_links_lead_somewhere(self):
        broken = []
        for page in pages():
            for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
                path, _, anchor = link.partition("#")
                if path.startswith(("http:", "https:")):
                    continue
                target = page.parent / path if path else page
                if not target.exists() or (anchor and anchor not in anchors(target)):
                    broken.append(f"{page.relative_to(ROOT)}: {link}")
        self.assertEqual([], broken)

    def test_every_page_is_linked(self):
        linked = {(page.parent / link.partition("#")[0]).resolve() for page in pages()
                  for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())}
        self.assertEqual(set(), set(pages()) - linked - {ROOT / "README.md"})

    def test_architecture_names_what_there_is(self):
        text = (ROOT / "ARCHITECTURE.md").read_text()
        bases = [ROOT / base for base in ("", "emulator", "emulator/connections", "daemon", "api")]
        named = {name for name in re.findall(r"`([\w.]+/[\w./]*\w|\w+\.(?:h|cpp|js|py))`", text)}
        self.assertGreater(len(named), 30)
        gone = [name for name in sorted(named) if not any(
            (base / name).exists() or (base / (name + ".h")).exists() for base in bases) and not list(ROOT.glob("*/**/" + name))]
        self.assertEqual([], gone)

    def test_api_has_every_request(self):
        rows = rows_of_routes()
        said = [line for line in (ROOT / "api" / "API.md").read_text().splitlines() if re.match(r"\| `[A-Z]+ /", line)]
        self.assertEqual(rows, said, "the table in api/API.md shall be:\n" + "\n".join(rows))

    def test_command_has_every_command(self):
        page = ROOT / "daemon" / "cli" / "COMMAND.md"
        said = set(re.findall(r"^\| `wobble ([a-z]+)", page.read_text(), re.MULTILINE))
        self.assertGreater(len(said), 20)
        self.assertEqual(commands(), said)

    def test_nothing_is_called_that_is_gone(self):
        """Commands of wobble and options of wobbled; its man page, which is compared with its help, has them all."""
        options = (ROOT / "daemon" / "man" / "wobbled.8").read_text().replace("\\-", "-")
        known = commands() | {"COMMAND"}
        gone = []
        for page in pages():
            if page.name == "CHANGELOG.md":
                continue
            for code in code_in(page):
                code = re.sub(r"(exec|-t) wobble ", "", code)  # a container or an image of that name
                where = page.relative_to(ROOT)
                gone += [f"{where}: wobble {name}" for name in re.findall(r"\bwobble ([a-z]+)", code) if name not in known]
                for words in re.findall(r"\bwobbled((?: [^\s;|]+)*)", code):
                    gone += [f"{where}: wobbled {option}" for option in re.findall(r"--[a-z-]+", words) if option not in options]
        self.assertEqual([], gone)


if __name__ == "__main__":
    unittest.main(verbosity=1)
