"""Architecture: allowed imports between packages, no import cycles, no streamlit or plotly in the core, small folders."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = {"_validate", "numerics", "datasets", "distributed", "distributions", "objectives", "estimators", "quality"}
CORE |= {"clustering", "shared_factors", "partitions", "_records"}
# Top-level packages and modules that each of them may import.
MAY_IMPORT: dict[str, set[str]] = {
    "_validate": set(),
    "_records": set(),
    "distributed": {"_validate"},
    "datasets": {"_validate"},
    "numerics": {"_validate"},
    "distributions": {"_validate", "numerics"},
    "objectives": {"distributions", "_validate"},
    "estimators": {"distributions", "objectives", "numerics", "_validate"},
    "partitions": {"distributions", "numerics", "_validate"},
    "quality": {"estimators", "distributions", "objectives", "numerics", "_validate", "_records"},
    "clustering": {"estimators", "partitions", "distributions", "numerics", "datasets", "distributed", "_validate", "_records"},
    "shared_factors": {"estimators", "distributions", "numerics", "datasets", "distributed", "_validate", "_records"},
    "figures": CORE,
    "ui": CORE | {"figures"},
    "commands": CORE | {"figures"},
    "__main__": {"commands"},
    "app": {"ui", "figures"} | CORE,
    "pages": {"ui", "figures"} | CORE,
    "hypergeo": CORE,
}
HEAVY = ("streamlit", "plotly")
MOST_MODULES, MOST_LINES, MOST_ROOMS, LONGEST_CHAIN = 14, 400, 16, 8


def sources(root: Path) -> list[Path]:
    """Returns all modules of the project: the package, the pages and the app's entry point."""
    return sorted([*(root / "hypergeo").rglob("*.py"), *(root / "pages").rglob("*.py"), *root.glob("app.py")])


def module_of(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path, root: Path) -> set[str]:
    """Returns the absolute dotted names that a module imports anywhere; for ``from a import b`` also ``a.b``."""
    package = path.relative_to(root).parts[:-1]
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*start, *([node.module] if node.module else [])])
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


def arrows(root: Path) -> dict[str, set[str]]:
    """Returns the modules of the project that each module imports; ``__init__`` has the name of its package."""
    modules = {module_of(path, root): path for path in sources(root)}
    drawn: dict[str, set[str]] = {}
    for module, path in modules.items():
        names = imported(path, root)
        inner = {name for name in names if name in modules}
        # Of ``from package import module`` the arrow is to the module alone.
        drawn[module] = {name for name in inner if not any(other.startswith(name + ".") for other in inner)} - {module}
    return drawn


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "hypergeo" and len(parts) > 1 else parts[0]


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Returns the cycles of a graph, each as a path from a node back to itself."""
    cycles, state, path = [], dict.fromkeys(graph, 0), []

    def visit(node: str) -> None:
        state[node] = 1
        path.append(node)
        for other in sorted(graph.get(node, ())):
            if state.get(other, 2) == 1:
                cycles.append([*path[path.index(other) :], other])
            elif state.get(other, 2) == 0:
                visit(other)
        path.pop()
        state[node] = 2

    for node in sorted(graph):
        if state[node] == 0:
            visit(node)
    return cycles


def between_rooms(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    rooms: dict[str, set[str]] = {}
    for module, others in graph.items():
        rooms.setdefault(room(module), set()).update(room(other) for other in others)
    return {name: others - {name} for name, others in rooms.items()}


def longest_chain(graph: dict[str, set[str]]) -> list[str]:
    chains: dict[str, list[str]] = {}

    def chain(node: str) -> list[str]:
        if node not in chains:
            chains[node] = [node, *max((chain(other) for other in graph.get(node, ())), key=len, default=[])]
        return chains[node]

    return max((chain(node) for node in graph), key=len)


def breaches(root: Path) -> list[str]:
    """Returns the violations of the architecture's rules, one line each."""
    graph = arrows(root)
    wrong = []
    for module, others in graph.items():
        allowed = MAY_IMPORT.get(room(module))
        if allowed is None:
            wrong.append(f"{module}: a room that the table does not name")
            continue
        wrong += [f"{module} imports {other}" for other in others if room(other) not in allowed | {room(module)}]
    for path in sources(root):
        here = room(module_of(path, root))
        if here in CORE | {"hypergeo", "__main__"}:
            wrong += [f"{module_of(path, root)} imports {name}" for name in _within(imported(path, root), HEAVY)]
        elif here == "pages":
            wrong += [
                f"{path.name} computes: it imports {name}"
                for name in _within(imported(path, root), ("torch", "numpy", "scipy", "plotly"))
            ]
        elif here in {"figures", "commands"}:
            wrong += [f"{module_of(path, root)} imports {name}" for name in _within(imported(path, root), ("streamlit",))]
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES:
            wrong.append(f"{module_of(path, root)} has {lines} lines")
    wrong += [f"circle: {' -> '.join(circle)}" for circle in circles(graph)]
    for folder in {path.parent for path in sources(root) if path.parent != root}:
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        if len(modules) > MOST_MODULES:
            wrong.append(f"{folder.name} holds {len(modules)} modules")
    return wrong


def _within(names: Iterable[str], packages: Iterable[str]) -> set[str]:
    return {package for name in names for package in packages if name == package or name.startswith(package + ".")}


def test_the_house_keeps_its_rules():
    assert len(sources(ROOT)) > 150
    assert breaches(ROOT) == []


def test_the_house_is_low():
    rooms = {module: others for module, others in between_rooms(arrows(ROOT)).items() if module not in {"app", "pages"}}
    assert len(rooms.keys() - {"hypergeo"}) <= MOST_ROOMS
    assert circles(rooms) == []
    assert len(longest_chain(rooms)) <= LONGEST_CHAIN, longest_chain(rooms)


@pytest.mark.parametrize(
    ("where", "text", "expected"),
    [
        (
            "hypergeo/numerics/planted.py",
            "from hypergeo.distributions.fisher import FisherHypergeometric",
            "numerics.planted imports",
        ),
        ("hypergeo/numerics/wallenius/planted.py", "def f():\n    import plotly.graph_objects as go", "planted imports plotly"),
        ("hypergeo/clustering/variational/planted.py", "import streamlit as st", "planted imports streamlit"),
        ("hypergeo/figures/counts/planted.py", "from hypergeo.ui.state import controls", "planted imports hypergeo.ui"),
        ("pages/planted.py", "import torch", "planted.py computes"),
        ("hypergeo/unknown.py", "", "does not name"),
        ("hypergeo/numerics/planted.py", "x = 0\n" * 401, "401 lines"),
        ("hypergeo/quality/planted.py", "from .other import a\n", "circle"),
    ],
)
def test_a_planted_breach_is_seen(tmp_path, where, text, expected):
    file = tmp_path / where
    file.parent.mkdir(parents=True)
    file.write_text(text)
    (tmp_path / "hypergeo/distributions").mkdir(parents=True, exist_ok=True)
    (tmp_path / "hypergeo/distributions/fisher.py").write_text("")
    (tmp_path / "hypergeo/ui/state").mkdir(parents=True)
    (tmp_path / "hypergeo/ui/state/controls.py").write_text("")
    if expected == "circle":
        (file.parent / "other.py").write_text("def f():\n    from .planted import b\n")
    assert any(expected in breach for breach in breaches(tmp_path)), breaches(tmp_path)


def test_a_crowded_folder_is_seen(tmp_path):
    folder = tmp_path / "hypergeo" / "numerics"
    folder.mkdir(parents=True)
    for number in range(MOST_MODULES + 1):
        (folder / f"module_{number}.py").write_text("")
    assert breaches(tmp_path) == [f"numerics holds {MOST_MODULES + 1} modules"]
