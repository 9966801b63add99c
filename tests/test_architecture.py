"""The rules that keep the house in order, checked mechanically over the source of the package."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import surrogate_nas

PACKAGE = Path(surrogate_nas.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

#: Imports go down only; packages of one row never import each other. `testing` may import everything.
ROWS = (
    ("core",),
    ("spaces",),
    ("tables", "encodings", "networks", "strategies"),
    ("predictors", "training"),
    ("execution",),
    ("experiments",),
    ("reports", "integrations"),
    ("cli",),
    ("testing",),
)
ROW = {package: row for row, packages in enumerate(ROWS) for package in packages}

#: Names of spaces, tables, data sets and devices. What differs between them is data on the object.
NAMES = re.compile(
    r"(nas-?bench|nats|darts|transnas|proxyless).*|(cifar|imagenet|tinyimagenet|mnist|svhn).*"
    r"|cora|citeseer|pubmed|cs|physics|photo|computers|arxiv|ogbn-.*|proteins"
    r"|digits|wine|iris|breast[-_]cancer|diabetes|edgegpu|edgetpu|pixel\d?|titanx.*|1080ti.*",
    re.IGNORECASE,
)

#: Where strings become objects, one place per family. An importer knows one official file, and so the names in it.
CATALOGUES = re.compile(r"(^|/)(catalogue|datasets)(\.py|/)|^tables/importers/")

PICKLE_READER = "tables/safe_pickle.py"
GENERATORS = {"default_rng", "Generator", "SeedSequence", "BitGenerator", "PCG64", "Philox"}
UNPICKLERS = {("pickle", "load"), ("pickle", "loads"), ("pickle", "Unpickler"), ("joblib", "load"), ("torch", "load")}


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute chain, "" for anything else."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported, inside functions and under TYPE_CHECKING too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{'.' * node.level}{node.module or ''}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and dotted(node.func).endswith("import_module"):
            yield from ((node.lineno, str(a.value)) for a in node.args if isinstance(a, ast.Constant))


def upward_imports(path: str, tree: ast.Module) -> Iterator[str]:
    package = path.split("/")[0]
    for line, name in imported(tree):
        parts = name.split(".")
        if name.startswith("."):
            yield f"{path}:{line} imports {name}: write the absolute name"
        elif parts[0] == "surrogate_nas" and package in ROW and parts[1:] != ["__version__"]:
            target = parts[1] if len(parts) > 1 else ""
            if target != package and ROW.get(target, len(ROWS)) >= ROW[package]:
                yield f"{path}:{line} imports {name}: only packages of a row below {package!r} may be imported"


def literals(node: ast.AST) -> Iterator[str]:
    yield from (n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def name_comparisons(path: str, tree: ast.Module) -> Iterator[str]:
    if CATALOGUES.search(path):
        return
    for node in ast.walk(tree):
        compared: list[ast.AST | None] = []
        if isinstance(node, ast.Compare):
            compared = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            compared = [node.value]
        elif isinstance(node, ast.Dict):
            compared = list(node.keys)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            compared = list(node.args) if node.func.attr in {"startswith", "endswith", "__eq__", "count"} else []
        for literal in (text for part in compared if part is not None for text in literals(part)):
            if NAMES.fullmatch(literal):
                yield f"{path}:{node.lineno} switches on the name {literal!r}: make it data on the object"


def forbidden_statements(path: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield f"{path}:{node.lineno} global"
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"{path}:{node.lineno} bare except"
        elif isinstance(node, ast.Call) and dotted(node.func) in {"print", "eval", "exec", "compile", "__import__"}:
            yield f"{path}:{node.lineno} {dotted(node.func)}()"
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                yield f"{path}:{node.value.lineno} allow_pickle"
        elif isinstance(node, ast.Attribute):
            name = dotted(node).replace("np.", "numpy.", 1)
            if name.startswith("numpy.random.") and name.split(".")[2] not in GENERATORS:
                yield f"{path}:{node.lineno} {name}: global random state"
            if tuple(name.split(".")) in UNPICKLERS and path != PICKLE_READER:
                yield f"{path}:{node.lineno} {name}: runs what the file says"
    for line, name in imported(tree):
        if name.split(".")[0] == "random":
            yield f"{path}:{line} imports random: global random state"
        if tuple(name.split(".")) in UNPICKLERS and path != PICKLE_READER:
            yield f"{path}:{line} imports {name}: runs what the file says"


def module_level_devices(path: str, tree: ast.Module) -> Iterator[str]:
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == "device":
            yield f"{path}:{node.lineno} chooses a device when it is imported"
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo.extend(ast.iter_child_nodes(node))


RULES = (upward_imports, name_comparisons, forbidden_statements, module_level_devices)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_file_breaks_the_rule(rule):
    broken = [fault for path in FILES for fault in rule(relative(path), ast.parse(path.read_text(encoding="utf-8")))]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (upward_imports, "spaces/a.py", "def f():\n    from surrogate_nas.tables import Table"),
        (upward_imports, "tables/a.py", "import surrogate_nas.encodings.onehot"),
        (upward_imports, "strategies/a.py", "from surrogate_nas import AutoPredictor"),
        (upward_imports, "core/a.py", "import surrogate_nas as sn"),
        (upward_imports, "core/a.py", "from ..spaces import base"),
        (upward_imports, "core/a.py", "importlib.import_module('surrogate_nas.spaces')"),
        (upward_imports, "cli/a.py", "from surrogate_nas.testing import spaces"),
        (name_comparisons, "encodings/a.py", "if space.name == 'nas-bench-201': pass"),
        (name_comparisons, "training/a.py", "if task in ('cora', other): pass"),
        (name_comparisons, "training/a.py", "width = {'CIFAR10': 3}[task]"),
        (name_comparisons, "training/a.py", "if task.startswith('imagenet'): pass"),
        (name_comparisons, "training/a.py", "match task:\n    case 'wine': pass"),
        (forbidden_statements, "core/a.py", "def f():\n    global state"),
        (forbidden_statements, "core/a.py", "print(1)"),
        (forbidden_statements, "core/a.py", "eval('1')"),
        (forbidden_statements, "core/a.py", "try: pass\nexcept: pass"),
        (forbidden_statements, "core/a.py", "np.random.seed(0)"),
        (forbidden_statements, "core/a.py", "import random"),
        (forbidden_statements, "core/a.py", "pickle.load(f)"),
        (forbidden_statements, "core/a.py", "from pickle import loads"),
        (forbidden_statements, "core/a.py", "np.load(f, allow_pickle=True)"),
        (module_level_devices, "core/a.py", "class A:\n    d = torch.device('cpu')"),
    ],
)
def test_the_rule_sees_the_fault(rule, path, source):
    assert len(list(rule(path, ast.parse(source)))) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("tables/a.py", "from surrogate_nas.core import choose\nfrom surrogate_nas.tables.schema import Schema"),
        ("reports/a.py", "from surrogate_nas import __version__"),
        ("testing/a.py", "from surrogate_nas.cli import main"),
        ("spaces/catalogue.py", "spaces = {'nas-bench-201': f}"),
        ("tables/importers/a.py", "scores = {'proteins': 'roc_auc'}"),
        (PICKLE_READER, "class A(pickle.Unpickler): pass"),
        (
            "core/a.py",
            "def f(device='cpu'):\n    '''Train on cora.'''\n    return torch.device(device), np.random.default_rng(0)",
        ),
    ],
)
def test_the_rules_let_good_code_pass(path, source):
    assert not [fault for rule in RULES for fault in rule(path, ast.parse(source))]


def test_every_package_has_a_row():
    packages = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    assert packages <= set(ROW)


def test_files_stay_short():
    """Two rooms with clear names are easier to live in than one large one."""
    long = {relative(p): n for p in FILES if (n := len(p.read_text(encoding="utf-8").splitlines())) > 450}
    assert not long


def test_nothing_is_left_undone():
    marker = re.compile(r"\b(TODO|FIXME|XXX)\b")
    assert not [relative(p) for p in FILES if marker.search(p.read_text(encoding="utf-8"))]
