"""Imports go one way: no module imports from a higher layer (docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

from testing.server import ROOT

LAYERS = [
    ("wizchat.statements", "wizchat.housekeeping"),
    ("wizchat.api",),
    ("apikeys.core",),
    ("apikeys.hasher",),
    ("apikeys.models",),
    ("apikeys.auth",),
    ("apikeys.usage", "wizchat.accounts"),
    ("apikeys.pages", "apikeys.api", "apikeys.notices", "apikeys.leaks"),
    ("apikeys.admin", "apikeys.management", "wizchat.accounts.admin"),
    ("apikeys.templatetags",),
    ("chatbots",),
    ("wizchat",),
]
"""From the lowest up. A module is in the layer with the longest name that is a prefix of its own."""


def layer_of(module):
    found = [
        (len(name), number)
        for number, names in enumerate(LAYERS)
        for name in names
        if f"{module}.".startswith(f"{name}.")
    ]
    return max(found)[1] if found else None


def modules():
    for folder in ("apikeys", "chatbots", "wizchat"):
        for path in (ROOT / folder).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if "tests" not in path.parts and layer_of(name) is not None:
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


def test_no_module_imports_a_higher_layer():
    found = dict(modules())
    assert {layer_of(module) for module in found} == set(range(len(LAYERS)))

    for module, path in found.items():
        above = [name for name in imports_of(path) if (layer_of(name) or 0) > layer_of(module)]
        assert above == [], module


def test_the_shared_code_of_endpoints_imports_no_app():
    for module in (ROOT / "wizchat" / "api").glob("*.py"):
        assert not [name for name in imports_of(module) if name.startswith(("apikeys", "chatbots"))], module
