"""The house keeps its own rules: sizes, docstrings, and docs that agree with the commands."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import typer

from app.cli import app

ROOT = Path(__file__).parent.parent
ROOMS = ("app", "bench", "core", "crawler", "matchers", "notices", "review", "schedules", "store")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 400, 60
README_LINES, DECISION_LINES = 110, 40


def short(path: Path) -> str:
    """A file's name for a test's id."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=short)
def test_file_keeps_its_size(path: Path) -> None:
    """A file that outgrows its room should become two."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", FILES, ids=short)
def test_function_keeps_its_size(path: Path) -> None:
    """A function one cannot see whole is two functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION]

    assert long == []


@pytest.mark.parametrize("path", FILES, ids=short)
def test_public_names_say_what_they_are_for(path: Path) -> None:
    """Modules, public classes and public functions carry a docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bare = [
        node.name
        for holder in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
        for node in holder.body
        if isinstance(node, kinds) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]

    assert (bool(ast.get_docstring(tree)), bare) == (True, [])


def commands() -> dict[str, object]:
    """Every command of the command line, by the words one types."""
    group = typer.main.get_command(app)
    found: dict[str, object] = {}
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        for sub, inner in getattr(command, "commands", {}).items():
            found[f"{name} {sub}"] = inner
        if not hasattr(command, "commands"):
            found[name] = command
    return found


@pytest.mark.parametrize("name", sorted(commands()))
def test_command_shows_an_example(name: str) -> None:
    """Each command's --help ends in an example that begins like the command itself."""
    epilog = commands()[name].epilog or ""  # type: ignore[attr-defined]

    assert epilog.startswith(f"Example: clipwarden {name}")


def test_docs_name_only_commands_that_exist() -> None:
    """README and docs speak of no command that is not there."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    groups = {name.split()[0] for name in commands() if " " in name}
    pattern = rf"(?:^|`)clipwarden ((?:(?:{'|'.join(sorted(groups))}) )?[a-z]+)"
    named = set(re.findall(pattern, text, flags=re.MULTILINE))
    known = set(commands()) | groups

    assert sorted(name for name in named if name not in known and name.split()[0] not in known) == []


def test_readme_names_every_command() -> None:
    """A command that README does not name is a command nobody finds."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert [name for name in commands() if name not in text] == []


def test_readme_is_short() -> None:
    """README is read whole."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=short)
def test_decision_is_a_page(path: Path) -> None:
    """A decision has its parts, on one page."""
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= DECISION_LINES
    assert re.match(r"\d{4}-", path.name)


def test_tracked_files_hold_no_addresses_of_this_machine() -> None:
    """No registry host and no machine path is ever committed."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    host = "|".join(("pythonhosted" + r"\.org", "pypi" + r"\.org", "npmjs" + r"\.(org|com)"))
    wanted = re.compile(rf"{host}|(?<![\w.])/(?:work|root|home/\w+)/")
    guilty = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.suffix in {".png", ".jpg", ".mp4"} or not path.is_file():
            continue
        if wanted.search(path.read_text(encoding="utf-8", errors="replace")):
            guilty.append(name)

    assert guilty == []


def test_import_of_the_command_line_is_light() -> None:
    """--help does not wait for Scrapy, yt-dlp or a decoder."""
    code = "import sys, app.cli; print([m for m in ('scrapy', 'yt_dlp', 'av', 'playwright') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert shown.strip() == "[]"


def test_what_the_rooms_import_is_locked_for_users() -> None:
    """A library that only the development lock brings is missing where somebody uses clipwarden."""
    locked = set(
        re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    )
    extras = {"onnxruntime", "rapidocr", "tokenizers"}
    brought = packages_distributions()
    rooms = [path for path in FILES if path.relative_to(ROOT).parts[0] != "bench"]
    trees = [ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for path in rooms]
    nodes = [node for tree in trees for node in tree]
    names = {one.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for one in node.names}
    names |= {(node.module or "").split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
    foreign = names - set(sys.stdlib_module_names) - set(ROOMS) - extras - {""}

    assert {name for name in foreign if not {_plain(one) for one in brought.get(name, [])} & locked} == set()


def _plain(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
