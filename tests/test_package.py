"""The wheel in an empty environment outside the checkout, the cost of importing it, and its requirements of the system."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

import hypergeo
from hypergeo.__main__ import main
from hypergeo.commands import COMMANDS
from hypergeo.commands.app import app_script
from hypergeo.ui.catalogue import PAGES

from .support.app.server import ROOT, free_port, wait_for_health
from .support.app.tab import Tab, run

POSIX_MODULES = {"crypt", "curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
POSIX_NAMES = {"fork", "getloadavg", "getuid", "geteuid", "killpg", "mkfifo", "sched_getaffinity", "setsid", "sysconf", "uname"}
POSIX_NAMES |= {"SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "alarm", "setitimer", "pause", "AF_UNIX"}


@dataclass(frozen=True)
class Installation:
    """An environment with the wheel.

    Attributes:
        root: folder of the environment.
        folder: folder outside the checkout in which programs run.
        environment: environment variables of the programs.
    """

    root: Path
    folder: Path
    environment: dict[str, str]

    @property
    def program(self) -> str:
        return str(self.root / "bin" / "hypergeo")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Returns an environment with the built wheel; it has the libraries of this one, but not the checkout."""
    root = tmp_path_factory.mktemp("package")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    options = ["--no-deps", "--no-index"]
    subprocess.run([*pip, "wheel", *options, "--no-build-isolation", "-w", str(root), str(ROOT)], check=True, timeout=120)
    (wheel,) = root.glob("hypergeo-*.whl")
    venv.create(root / "environment", with_pip=False)
    python = root / "environment" / "bin" / "python"
    (packages,) = (root / "environment").glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run([*pip, "--python", str(python), "install", "--no-compile", *options, str(wheel)], check=True, timeout=120)
    (root / "elsewhere").mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"HOME": str(root)}
    return Installation(root / "environment", root / "elsewhere", environment)


def test_the_library_comes_from_the_wheel_with_everything_beside_the_code(installation):
    python = str(installation.root / "bin" / "python")
    done = installation.run(python, "-c", "from importlib.util import find_spec; print(find_spec('hypergeo').origin)")
    package = Path(done.stdout.strip()).parent
    assert installation.root in package.parents, done.stderr
    app = package / "_app"
    assert {path.relative_to(app).as_posix() for path in app.rglob("*") if path.suffix in {".py", ".toml", ".css"}} == {
        "app.py",
        ".streamlit/config.toml",
        *(f"pages/{path.name}" for path in (ROOT / "pages").glob("*.*")),
    }
    checkout = ROOT / "hypergeo"
    kept = {path.relative_to(checkout) for path in checkout.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    kept = {path for path in kept if path.suffix not in {".md", ".png"}}
    assert {path for path in kept if not (package / path).is_file()} == set()


def test_the_command_line_is_a_program(installation):
    """The program that the wheel installs, twice in one process, because its start takes seconds."""
    code = f"""
import runpy, sys
for words in (["--help"], ["sample", "-N", "5", "-n", "15", "-m", "3x10"]):
    sys.argv = [{installation.program!r}, *words]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        print("status", end.code, flush=True)
"""
    done = installation.run(str(installation.root / "bin" / "python"), "-c", code)
    assert done.returncode == 0, done.stderr
    shown, sampled, nothing = done.stdout.split("status 0\n")
    assert nothing == ""
    assert all(f"    {command} " in shown for command in COMMANDS)
    head, *rows = sampled.splitlines()
    assert head == "group 1,group 2,group 3"
    counts = [[int(cell) for cell in row.split(",")] for row in rows]
    assert len(counts) == 5
    assert all(sum(row) == 15 and max(row) <= 10 and min(row) >= 0 for row in counts)


@pytest.fixture(scope="module")
def installed_app(installation: Installation) -> Iterator[tuple[str, Path]]:
    """Yields the address and the log of the app, started by the installed program from an empty folder."""
    port, log = free_port(), installation.folder / "log"
    words = [installation.program, "app", "--port", str(port), "--address", "127.0.0.1", "--headless"]
    with log.open("w") as output:
        process = subprocess.Popen(words, cwd=installation.folder, env=installation.environment, stdout=output, stderr=output)
        try:
            wait_for_health(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}", log
        finally:
            process.terminate()
            process.wait(20)


def test_the_installed_app_serves_every_page(installed_app):
    address, log = installed_app

    async def visit() -> None:
        async with Tab(address) as tab:
            for page in ["", *(Path(entry.path).stem for entry in PAGES)]:
                await tab.open(page)
                assert tab.problems == [], page
                assert tab.shown("heading"), page

    for entry in PAGES:
        with urlopen(f"{address}/{Path(entry.path).stem}", timeout=30) as answer:
            assert answer.status == 200
    run(visit())
    assert "Traceback" not in log.read_text()


def test_the_installed_app_has_the_settings_of_the_project(installed_app):
    """The server sends a browser the project's settings; without their file it would report to Streamlit's makers."""
    address, _ = installed_app
    socket = f"ws{address.removeprefix('http')}/_stcore/stream"
    ask = BackMsg()
    ask.rerun_script.page_name = "glossary"
    with connect(socket, subprotocols=["streamlit"], origin=address, max_size=None) as connection:
        connection.send(ask.SerializeToString())
        messages = (ForwardMsg.FromString(connection.recv(60)) for _ in range(1000))
        session = next(message.new_session for message in messages if message.WhichOneof("type") == "new_session")
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert session.config.gather_usage_stats is settings["browser"]["gatherUsageStats"] is False
    assert session.custom_theme.base_radius == settings["theme"]["baseRadius"]


def test_a_checkout_starts_its_own_app():
    assert app_script() == ROOT / "app.py"


@pytest.mark.parametrize("library", ["streamlit", "plotly"])
def test_a_library_that_is_missing_is_named_with_its_extra(library, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, library, None)
    assert main(["app"]) == 2
    assert capsys.readouterr().err == f'python -m hypergeo app: this needs {library}: pip install "hypergeo[app]"\n'


def test_importing_is_light():
    """The import leaves out the libraries of the app, of clustering and of hypothesis tests until they are needed."""
    code = """
import sys, hypergeo
print(*sys.modules)
from hypergeo import estimators, quality
assert hypergeo.quality is quality is sys.modules["hypergeo.quality"]
urn = hypergeo.FisherHypergeometric(5, [3, 4], [1.0, 2.0])
urn.log_prob(urn.sample())
assert "sympy" not in sys.modules, "the first use imports symbolic algebra"
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.split())
    assert {"torch", "hypergeo.distributions.fisher"} <= imported
    assert not imported & {"streamlit", "plotly", "sklearn", "pandas", "scipy.stats", "scipy.signal", "scipy.sparse"}


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        hypergeo.nothing  # noqa: B018


def test_dependencies_have_lower_bounds_that_the_pins_meet():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = (ROOT / "requirements.txt").read_text() + (ROOT / "tests" / "requirements.txt").read_text()
    pinned = dict(re.findall(r"^([\w-]+)==([\d.]+)$", pins, re.MULTILINE))
    wanted = [*project["dependencies"], *(name for names in project["optional-dependencies"].values() for name in names)]
    for requirement in wanted:
        name, bound = re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement).groups()
        if name in pinned:
            assert _numbers(bound) <= _numbers(pinned[name]), requirement
    assert {"torch", "numpy", "scipy"} == {requirement.split(">")[0] for requirement in project["dependencies"]}


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def posix_only(source: str) -> set[str]:
    """Returns modules and names in a source that Windows does not have, except names checked with ``hasattr``."""
    used, guarded = set(), set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                used |= {alias.name.partition(".")[0] for alias in names} & POSIX_MODULES
            case ast.ImportFrom(module=str(module), names=names, level=0):
                used |= {module.partition(".")[0]} & POSIX_MODULES
                used |= {alias.name for alias in names} & POSIX_NAMES if module in {"os", "signal", "socket"} else set()
            case ast.Attribute(value=ast.Name(id="os" | "signal" | "socket"), attr=name):
                used |= {name} & POSIX_NAMES
            case ast.Call(func=ast.Name(id="hasattr"), args=[_, ast.Constant(value=name)]):
                guarded.add(name)
    return used - guarded


def test_nothing_needs_posix():
    sources = [*(ROOT / "hypergeo").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
    assert len(sources) > 150
    assert {path.name: names for path in sources if (names := posix_only(path.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize(
    "source",
    ["def f():\n    import fcntl", "from resource import getrusage", "from os import fork", "import os\nos.getloadavg()"],
)
def test_posix_is_seen(source):
    assert posix_only(source)
