"""A generator's family is known to `nn/`, to layouts and to the registry, and nowhere else.

So that a new one is a module, a layout and an entry.
"""

import ast
from pathlib import Path

from pmsfc_jax.registry import FAMILIES

PACKAGE = Path(__file__).resolve().parents[1] / "pmsfc_jax"
#: Where families are known. Beside the three, the trainer has one and says so, and the catalogue
#: says of each file what it is.
KNOWING = ("nn/", "weights/layouts/", "registry.py", "training/", "weights/fetch/catalogue.py")
NAMES = tuple(name for name, family in FAMILIES.items() if family.split_generator is not None)


def knowledge(path):
    """What a file says of families: modules that it imports, and names as strings."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules = []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [f"{node.module}.{name.name}" for name in node.names]
        elif isinstance(node, ast.Import):
            modules = [name.name for name in node.names]
        for module in modules:
            inside = module.removeprefix("pmsfc_jax.nn.").removeprefix("pmsfc_jax.weights.layouts.")
            if inside != module and inside.startswith(NAMES):
                yield f"imports {module}"
        if isinstance(node, ast.Constant) and node.value in NAMES:
            yield f"has {node.value!r}"


def test_nothing_else_knows_a_family():
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        if not place.startswith(KNOWING):
            found += [f"{place} {what}" for what in knowledge(path)]
    assert not found, "\n".join(found)


def test_what_knows_a_family_is_seen():
    assert set(NAMES) >= {"pggan", "dcgan", "stylegan2", "biggan"}
    catalogue = set(knowledge(PACKAGE / "weights" / "fetch" / "catalogue.py"))
    assert {"has 'stylegan2'", "has 'biggan'"} <= catalogue
    assert "imports pmsfc_jax.nn.pggan" in set(knowledge(PACKAGE / "registry.py"))
    table = set(knowledge(PACKAGE / "weights" / "layouts" / "table.py"))
    assert "imports pmsfc_jax.weights.layouts.biggan.ajbrock" in table
