"""A compromised parser, in the place of which the intruder tries everything: see `intruder` and `victim`."""

import json
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docx
import msgspec
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml.ns import qn
from docx.oxml.parser import OxmlElement
from pypdf import PdfWriter

from ingest import containment, sandbox
from ingest.containment import Containment
from ingest.errors import IngestError, LimitError, PermanentError
from ingest.parsers import parse
from ingest.sandbox import parse_in_sandbox
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument
from tests import factories
from tests.integration.ingest.intruder import ATTEMPTS
from tests.paths import ROOT as REPOSITORY

ROOT = os.geteuid() == 0
USER = 4711
EVERY = frozenset(ATTEMPTS)
LAYERS = "landlock,seccomp,own user"
UNHARMED = {
    "connections": [],
    "memory": "untouched",
    "signals": 0,
    "created": [],
    "files": dict.fromkeys(("read", "truncated", "deleted"), "somebody else's"),
}
# Neither was ever possible without root: RLIMIT_NPROC is 0.
PROCESSES = {"fork", "run a program"}
LANDLOCK = {
    "read the API key in /proc",
    "read a stored file",
    "truncate a stored file",
    "delete a stored file",
    "list the root folder",
    "create a file",
    "connect to an abstract socket",
    "connect to loopback (TCP)",
    "write the worker's /proc/PID/mem",
    "write the worker's memory",
    "trace the worker",
    "signal the worker",
    "run a program",
}
OWN_USER = {
    "read the API key in /proc",
    "read a stored file",
    "look for a stored file",
    "truncate a stored file",
    "delete a stored file",
    "change inherited descriptors",
    "connect to Postgres's socket",
    "write the worker's /proc/PID/mem",
    "write the worker's memory",
    "trace the worker",
    "signal the worker",
    "limit the worker",
    *PROCESSES,
}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux contains parsers")


@pytest.fixture(scope="module")
def offered() -> Containment:
    """What the system of the tests offers."""
    return sandbox.containment()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users can reach, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def attack(folder: Path, layers: str, user: int | None = None) -> dict[str, Any]:
    """What the intruder could do with only these layers, on behalf of a user."""
    command = [sys.executable, "-m", "tests.integration.ingest.victim", str(folder), layers]
    done = subprocess.run(
        command if user is None else [*command, str(user)],
        env=os.environ | {"LUMA_LLM_API_KEY": "sk-secret"},
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refused(found: dict[str, Any]) -> set[str]:
    return {name for name, error in found["attempts"].items() if error}


USERS = [
    pytest.param(None, id="this user"),
    pytest.param(USER, id="other user", marks=pytest.mark.skipif(not ROOT, reason="needs root")),
]


@pytest.mark.parametrize("user", USERS)
def test_a_compromised_parser_can_do_nothing(folder: Path, offered: Containment, user: int | None) -> None:
    assert offered.level(root=ROOT) == "full"
    found = attack(folder, LAYERS, user)
    assert refused(found) == EVERY, found
    assert found["damage"] == UNHARMED


@pytest.mark.parametrize("user", USERS)
def test_every_attempt_works_without_containment(folder: Path, user: int | None) -> None:
    found = attack(folder, "none", user)
    assert refused(found) <= (set() if ROOT and user is None else PROCESSES), found
    damage = found["damage"]
    assert damage["connections"] == ["postgres", "abstract", "tcp", "udp"]
    assert (damage["memory"], damage["signals"], damage["created"]) == ("touched!!", 1, ["created"])
    assert damage["files"] == {"read": "somebody else's", "truncated": ""}


@pytest.mark.parametrize("user", USERS)
def test_seccomp_alone_suffices(folder: Path, user: int | None) -> None:
    found = attack(folder, "seccomp", user)
    assert refused(found) == EVERY, found
    assert found["damage"] == UNHARMED


@pytest.mark.parametrize("user", USERS)
def test_landlock_alone_protects_files_and_processes(
    folder: Path, offered: Containment, user: int | None
) -> None:
    if offered.landlock < 6:
        pytest.skip("Landlock can't scope signals before Linux 6.12")
    found = attack(folder, "landlock", user)
    assert refused(found) - PROCESSES == LANDLOCK - PROCESSES, found
    assert found["damage"] == UNHARMED | {"connections": ["postgres", "udp"]}


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_a_user_of_its_own_alone_protects_files_and_processes(folder: Path) -> None:
    found = attack(folder, "own user")
    assert refused(found) == OWN_USER, found
    assert found["damage"] == UNHARMED | {"connections": ["abstract", "tcp", "udp"], "created": ["created"]}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_refuses_what_it_does_not_name(machine: str) -> None:
    run = Filter(machine).run
    allow, eperm, kill = 0x7FFF0000, 0x00050001, 0x80000000
    column = ["x86_64", "aarch64"].index(machine)
    allowed = {numbers[column] for numbers in containment._ALLOWED.values()}
    assert len(allowed) == len(containment._ALLOWED)
    for number in range(600):
        assert run(number) == (allow if number in allowed else eperm)
        # The 32-bit calls of x86_64 ("x32") and of other architectures have other meanings.
        assert run(number | 0x40000000) == eperm
        assert run(number, architecture=0x40000003) == kill


class Filter:
    """Interprets the instructions that the filter uses."""

    def __init__(self, machine: str) -> None:
        self._program = list(struct.iter_unpack("=HBBI", containment._instructions(machine)))
        self._architecture = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]

    def run(self, number: int, architecture: int | None = None) -> int:
        data = {0: number, 4: self._architecture if architecture is None else architecture}
        at = accumulator = 0
        while True:
            code, if_true, if_false, operand = self._program[at]
            at += 1
            if code == 0x20:
                accumulator = data[operand]
            elif code == 0x15:
                at += if_true if accumulator == operand else if_false
            else:
                assert code == 0x06
                return int(operand)


@pytest.mark.parametrize(
    ("machine", "header"), [("x86_64", "asm/unistd_64.h"), ("aarch64", "asm-generic/unistd.h")]
)
def test_numbers_of_system_calls_are_those_of_linux(machine: str, header: str) -> None:
    try:
        done = subprocess.run(
            # As the header of aarch64 does before it includes the generic one.
            ["cc", "-E", "-dM", "-D__ARCH_WANT_NEW_STAT", "-include", header, "-x", "c", "/dev/null"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("needs a C compiler and the headers of Linux")
    defined = dict(line.split()[1:3] for line in done.stdout.splitlines() if line.startswith("#define __NR"))
    column = list(containment._ARCHITECTURES).index(machine)
    for name, numbers in containment._ALLOWED.items():
        # Calls that differ on 32-bit systems have the prefix of the second kind.
        found = defined.get(f"__NR3264_{name}", defined.get(f"__NR_{name}", ""))
        assert int(found) == numbers[column], name


def test_a_layer_that_fails_stops_the_file(folder: Path) -> None:
    """A failure must not silently leave a parser uncontained."""
    program = (
        "from ingest import containment, launcher\n"
        "def main():\n"
        "    def fail(version): raise OSError(22, 'Invalid argument')\n"
        "    containment._restrict_with_landlock = fail\n"
        "    containment._landlock_version = lambda: 1\n"
        "    launcher.main()\n"
    )
    (folder / "failing_launcher.py").write_text(program)
    script = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "from pathlib import Path\n"
        "from ingest import sandbox\n"
        "from ingest.errors import TransientError\n"
        "from ingest.settings import ParserLimits\n"
        "sandbox._launcher.module = 'failing_launcher'\n"
        "read = lambda: sandbox.parse_in_sandbox(Path(sys.argv[1], 'failing_launcher.py'), ParserLimits())\n"
        "for call in (sandbox.containment, read):\n"
        "    try: print(call())\n"
        "    except TransientError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True, timeout=120
    )
    expected = "The process that reads files could not be contained: Invalid argument."
    assert done.stdout.splitlines() == [expected, expected]


STRICT = """
import sys
from ingest import launcher

def main():
    parse = launcher.parse_file

    def strictly(file, limits, **options):
        missed = []
        events = ("import", "open", "os.listdir")
        sys.addaudithook(lambda event, details: missed.append(details) if event in events else None)
        try:
            return parse(file, limits, **options)
        finally:
            if missed:
                raise AssertionError(missed)

    launcher.parse_file = strictly
    launcher.main()
"""


def _with_web_page(path: Path) -> None:
    page = b"MIME-Version: 1.0\nContent-Type: text/html; charset=koi8-r\n\n<p>\xd7\xd3\xc5 words</p>"
    made = docx.Document()
    part = Part(PackURI("/word/page.mht"), "message/rfc822", page)
    inserted = OxmlElement("w:altChunk")
    inserted.set(qn("r:id"), made.part.relate_to(part, RELATIONSHIP_TYPE.A_F_CHUNK))
    made.element.body.insert(0, inserted)
    made.save(str(path))


def test_parsers_need_nothing_that_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise an import would fail in the sandbox alone."""
    (tmp_path / "strict_launcher.py").write_text(STRICT)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sandbox._launcher, "module", "strict_launcher")
    protected = PdfWriter(clone_from=factories.pdf(tmp_path / "text.pdf", "Protected"))
    protected.encrypt("", "owner", algorithm="AES-256")
    protected.write(tmp_path / "protected.pdf")
    factories.pdf(tmp_path / "scan.pdf", "")
    (tmp_path / "damaged.pdf").write_bytes((tmp_path / "text.pdf").read_bytes()[:-200])
    (tmp_path / "text.docx").write_bytes(b"PK")
    factories.word(tmp_path / "sections.docx", {"One": "1", "Two": "2"})
    _with_web_page(tmp_path / "web_page.docx")
    sandbox.stop()
    try:
        for path in (
            *tmp_path.glob("*.pdf"),
            *tmp_path.glob("*.docx"),
            *(REPOSITORY / "docs" / "demo" / "documents").glob("*.*"),
        ):
            assert outcome(parse_in_sandbox, path) == outcome(parse, path), path
    finally:
        sandbox.stop()
    assert not [record for record in caplog.records if record.name == sandbox.__name__], caplog.text


def outcome(read: Callable[[Path, ParserLimits], ParsedDocument], path: Path) -> ParsedDocument | str:
    try:
        return read(path, ParserLimits())
    except IngestError as error:
        return repr(error)


# The file is the answer.
LYING = """
import os

from ingest import launcher

def main():
    def lie(file, limits, **options):
        left = file.read()
        while left:
            left = left[os.write(launcher._DATA, left):]
        os._exit(0)

    launcher.parse_file = lie
    launcher.main()
"""
PAGE = {"text": "text", "page": 1, "heading": "heading"}
TABLE = {"start": 0, "body": 0, "end": 1, "rows": [[["a", 1, 1]]]}
LIES: dict[str, Any] = {
    "nested too deeply": b"\x81\xa1x" + b"\x91" * 100_000 + b"\xc0",
    "half of a surrogate pair": b"\x81\xa5trace\xa3\xed\xa0\x80",
    "more items than there are": b"\x81\xa8document\x82\xa4type\xa3pdf\xa8passages\xdd\xff\xff\xff\xff",
    "NUL in a text": {"passages": [PAGE, PAGE | {"text": "a\0b"}]},
    "NUL in a heading": {"passages": [PAGE | {"heading": "a\0b"}]},
    "NUL in the title": {"passages": [PAGE], "title": "a\0b"},
    "NUL in a warning": {"passages": [PAGE], "warnings": [{"code": "c", "pages": [], "text": "a\0b"}]},
    "NUL in a cell": {"passages": [PAGE | {"tables": [TABLE | {"rows": [[["a\0b", 1, 1]]]}]}]},
    "NUL in a caption": {"passages": [PAGE | {"tables": [TABLE | {"caption": "a\0b"}]}]},
    "a cell over no column": {"passages": [PAGE | {"tables": [TABLE | {"rows": [[["a", 0, 1]]]}]}]},
    "more header rows than a table has": {"passages": [PAGE | {"tables": [TABLE | {"header_rows": 101}]}]},
    "a page before the first": {"passages": [PAGE | {"page": -1}]},
    "a page that is no 32-bit integer": {"passages": [PAGE | {"page": 2**31}]},
    "a number of pages that is no 64-bit integer": {"passages": [PAGE], "pages": 2**64 - 1},
    "a title of ten megabytes": {"passages": [PAGE], "title": "ab " * 3_500_000},
    "millions of passages": {"passages": [{"text": ""}] * 5_000_000},
    "another type": {"passages": [PAGE], "type": "exe"},
}


@pytest.fixture
def lying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], ParsedDocument]]:
    """Reads a file with a parser that answers whatever it is told to."""

    def read(answer: Any) -> ParsedDocument:
        path = tmp_path / "answer"
        path.write_bytes(answer if isinstance(answer, bytes) else msgspec.msgpack.encode(answer))
        return parse_in_sandbox(path, ParserLimits())

    (tmp_path / "lying_launcher.py").write_text(LYING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sandbox._launcher, "module", "lying_launcher")
    sandbox.stop()
    yield read
    sandbox.stop()


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_an_answer_that_could_not_be_stored_is_a_damaged_file(
    lying: Callable[[Any], ParsedDocument], lie: Any
) -> None:
    true: dict[str, Any] = {"type": "pdf", "passages": [PAGE | {"tables": [TABLE]}], "pages": 1}
    assert lying({"document": true}).passages[0].heading == "heading"
    with pytest.raises(PermanentError, match="damaged"):
        lying(lie if isinstance(lie, bytes) else {"document": true | lie})


def test_a_compromised_parser_can_not_stop_the_queue(lying: Callable[[Any], ParsedDocument]) -> None:
    for error in ("OutageError", "IngestError"):
        with pytest.raises(PermanentError, match="damaged"):
            lying({"error": error, "message": "Wait for ever."})


def test_messages_of_a_parser_are_one_printable_line(lying: Callable[[Any], ParsedDocument]) -> None:
    with pytest.raises(LimitError, match=r"^a b c d$"):
        lying({"error": "LimitError", "message": "a\0b\nc\x1bd"})


def test_a_parser_can_not_fill_the_log(
    lying: Callable[[Any], ParsedDocument], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(PermanentError, match="damaged"):
        lying({"error": "KeyError", "trace": "x" * 10_000_000})
    logged = sum(len(record.getMessage()) for record in caplog.records)
    assert 1_000 < logged < 20_000
