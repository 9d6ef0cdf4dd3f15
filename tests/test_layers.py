"""The house keeps its floors, the public names are those listed, and importing stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import musegen

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "musegen").rglob("*.py"))
HEAVY = ("torch", "matplotlib", "symusic", "mido", "pretty_midi", "numpy", "click", "rich")

FORBIDDEN_CALLS = {
    ("eval",),
    ("exec",),
    ("torch", "load"),
    ("torch", "save"),
    ("torch", "jit", "load"),
    ("torch", "hub", "load"),
    ("dist", "all_gather_object"),  # these pickle on the way
    ("dist", "broadcast_object_list"),
    ("dist", "gather_object"),
    ("dist", "scatter_object_list"),
    ("yaml", "load"),
    ("os", "system"),
}
FORBIDDEN_IMPORTS = {"pickle", "cloudpickle", "dill", "shelve", "marshal"}


def loaded_after(statement: str) -> set[str]:
    """The top-level packages that a new interpreter has loaded after `statement`."""
    report = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{report}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    return set(done.stdout.split())


def test_import_is_light() -> None:
    """`import musegen` loads no torch and nothing else that takes time."""
    assert loaded_after("import musegen").isdisjoint(HEAVY)


def test_reading_loads_no_torch() -> None:
    """Whoever only reads and writes MIDI never waits for torch, nor for anything that draws."""
    loaded = loaded_after("from musegen import read_midi, write_midi, Score, Controls")
    assert loaded.isdisjoint({"torch", "matplotlib", "click"})


def test_reading_one_file_loads_no_numba() -> None:
    """Machine code is for many files: nobody else waits for what loads it."""
    loaded = loaded_after("from musegen import read_midi, Tokenizer; import musegen.cli.main")
    assert "numba" not in loaded


def test_composing_loads_no_torch() -> None:
    """Whoever composes on a CPU never waits for torch, nor needs it."""
    loaded = loaded_after("from musegen import Composer, Sampling, Tokenizer")
    assert loaded.isdisjoint({"torch", "matplotlib", "click"})


def test_drawing_is_imported_where_it_is_used() -> None:
    """The rooms that can draw load matplotlib only when a picture is drawn."""
    loaded = loaded_after("import musegen.render.pianoroll, musegen.render.audio")
    assert loaded.isdisjoint({"torch", "matplotlib", "pretty_midi"})


def test_public_names() -> None:
    """The public names are these eight, and each is what its own module defines."""
    assert musegen.__all__ == [
        "Composer",
        "Controls",
        "Sampling",
        "Score",
        "Tokenizer",
        "read_midi",
        "write_midi",
        "MusegenError",
    ]
    assert dir(musegen) == sorted([*musegen.__all__, "__version__"])
    for name in musegen.__all__:
        value = getattr(musegen, name)
        assert value.__name__ == name
        assert value.__module__.startswith("musegen.")


def test_unknown_name_is_an_attribute_error() -> None:
    """A misspelt name is reported as Python reports it."""
    with pytest.raises(AttributeError, match="Compose"):
        _ = musegen.Compose


def test_import_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports point down, and each library is known only where it belongs (import-linter)."""
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True, no_logo=True) == 0


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module(path: Path) -> None:
    """A module says what it is, is short, and never unpickles, evaluates, shells out or prints."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert not text or ast.get_docstring(tree), "a module begins with what it is"
    assert text.count("\n") <= 400, "past 400 lines, look for the second subject"
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert FORBIDDEN_IMPORTS.isdisjoint(names), f"line {node.lineno}"
            assert "*" not in names, f"line {node.lineno}"
        if isinstance(node, ast.Call):
            called = tuple(ast.unparse(node.func).split("."))
            assert called not in FORBIDDEN_CALLS, f"line {node.lineno}"
            shell = [word.value for word in node.keywords if word.arg == "shell"]
            assert not shell, f"line {node.lineno}: no shell"
            pickled = [word.arg for word in node.keywords if word.arg == "allow_pickle"]
            assert not pickled, f"line {node.lineno}: no pickled arrays"
            in_cli = path.is_relative_to(ROOT / "musegen" / "cli")
            assert in_cli or called != ("print",), f"line {node.lineno}: print"


@pytest.mark.parametrize("shim", ["train.py", "generate.py"])
def test_shims_are_thin(shim: str) -> None:
    """The two scripts are a few lines over the command group, and nothing happens on import."""
    text = (ROOT / shim).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 12
    loaded_after(f"import {shim.removesuffix('.py')}")
