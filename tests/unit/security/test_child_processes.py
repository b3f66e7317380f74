import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ingest
import luma_rag

FILES = sorted(path for package in (ingest, luma_rag) for path in Path(package.__path__[0]).rglob("*.py"))


def is_isolated(arguments: list[ast.expr]) -> Iterator[bool]:
    """For each `sys.executable` among the arguments, whether the option after it is -I or -P."""
    for at, program in enumerate(arguments):
        if ast.unparse(program) == "sys.executable":
            option = arguments[at + 1] if at + 1 < len(arguments) else None
            yield isinstance(option, ast.Constant) and option.value in ("-I", "-P")


def commands(source: str) -> list[bool]:
    """For each command of Python in a program, whether it is isolated."""
    lists = [node.elts for node in ast.walk(ast.parse(source)) if isinstance(node, ast.List | ast.Tuple)]
    calls = [node.args for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    found = [isolated for arguments in (*lists, *calls) for isolated in is_isolated(arguments)]
    assert len(found) == source.count("sys.executable"), "in a form that this test does not know"
    return found


@pytest.mark.parametrize("command", ['[sys.executable, "-m", "x"]', "run(sys.executable)"])
def test_a_command_that_imports_from_the_current_folder_is_found(command: str) -> None:
    assert commands(command) == [False]


def test_no_child_imports_from_the_current_folder() -> None:
    found = {path: commands(path.read_text()) for path in FILES}
    assert sum(map(len, found.values())) >= 3
    assert [path for path, isolated in found.items() if not all(isolated)] == []
