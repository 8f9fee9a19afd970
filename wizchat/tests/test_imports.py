"""Imports go one way: no module imports from a higher layer (docs/architecture.md)."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from testing.server import ROOT

LAYERS = [
    ("wizchat.statements", "wizchat.housekeeping", "wizchat.email"),
    ("wizchat.api",),
    ("apikeys.core",),
    ("apikeys.hasher", "apikeys.converters"),
    ("apikeys.models",),
    ("apikeys.auth",),
    ("apikeys.usage", "wizchat.accounts"),
    ("apikeys.pages", "apikeys.api", "apikeys.notices", "apikeys.leaks"),
    (
        "apikeys.admin",
        "apikeys.management",
        "apikeys.chores",
        "apikeys.apps",
        "apikeys.migrations",
        "wizchat.accounts.admin",
    ),
    ("apikeys.templatetags",),
    ("chatbots",),
    ("wizchat",),
]
"""From the lowest up. A module is in the layer with the longest name that is a prefix of its own."""


def part_of(module):
    """Return the name in ``LAYERS`` that ``module`` belongs to."""
    names = (name for layer in LAYERS for name in layer if f"{module}.".startswith(f"{name}."))
    return max(names, key=len, default=None)


def layer_of(module):
    part = part_of(module)
    return next((number for number, names in enumerate(LAYERS) if part in names), None)


def modules():
    for folder in ("apikeys", "chatbots", "wizchat"):
        for path in (ROOT / folder).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if "tests" not in path.parts and path.stat().st_size:
                yield name, path


def imports_of(path: Path):
    """Yield each module that a module imports, anywhere in it, except those only for type checkers."""
    tree = ast.parse(path.read_text())
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_module_has_a_layer():
    assert [name for name, _ in modules() if layer_of(name) is None] == []
    assert {layer_of(name) for name, _ in modules()} == set(range(len(LAYERS)))


def test_no_module_imports_a_higher_layer():
    for module, path in modules():
        above = [name for name in imports_of(path) if (layer_of(name) or 0) > layer_of(module)]
        assert above == [], module


@pytest.mark.parametrize("packages", [False, True], ids=["modules", "packages"])
def test_imports_have_no_circles(packages):
    found = dict(modules())
    graph = {}
    for module, path in found.items():
        targets = {
            next((name for name in prefixes(target) if name in found), None) for target in imports_of(path)
        }
        one, others = module, targets - {None}
        if packages:
            one, others = part_of(module), {part_of(name) for name in others}
        graph.setdefault(one, set()).update(others - {one})

    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def prefixes(name):
    """Yield ``name`` and the packages around it, the innermost first."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def test_the_shared_code_of_endpoints_imports_no_app():
    for module in (ROOT / "wizchat" / "api").glob("*.py"):
        assert not [name for name in imports_of(module) if name.startswith(("apikeys", "chatbots"))], module
