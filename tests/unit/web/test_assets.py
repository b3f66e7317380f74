import gzip
import hashlib
import json
import re
from pathlib import Path

from luma_rag import web
from luma_rag.web.assets import Assets, assets, page, schema_page

STATIC = Path(web.__file__).parent / "static"
IMPORTED = re.compile(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""")


def make(folder: Path, files: dict[str, str]) -> Assets:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Assets(folder)


def test_version_changes_with_every_name_and_content(tmp_path: Path) -> None:
    files = {"main.js": "a", "core/api.js": "b"}
    versions = {
        make(tmp_path / "1", files).version,
        make(tmp_path / "2", files | {"main.js": "b"}).version,
        make(tmp_path / "3", {"main.js": "a", "core/http.js": "b"}).version,
    }
    assert len(versions) == 3
    assert make(tmp_path / "4", files).version in versions


def test_style_sheets_are_one_file(tmp_path: Path) -> None:
    found = make(tmp_path, {"styles/b.css": "b {}", "styles/a.css": "a {}"}).find("page.css")
    assert found is not None
    assert found.content == b"a {}\nb {}"
    assert found.compressed is not None
    assert gzip.decompress(found.compressed) == found.content
    assert make(tmp_path, {}).find("styles/a.css") is None


def test_files_of_other_types_are_not_served(tmp_path: Path) -> None:
    files = make(tmp_path, {"main.js": "", "vendor/LICENSE": "", "vendor/vendor.json": "{}", "lit.d.ts": ""})
    assert files.find("main.js") is not None
    for name in ("vendor/LICENSE", "vendor/vendor.json", "lit.d.ts", "", "../assets.py", "nothing.js"):
        assert files.find(name) is None


def test_imports_are_followed_but_not_those_on_demand(tmp_path: Path) -> None:
    files = make(
        tmp_path,
        {
            "main.js": 'import { a } from "./core/a.js";\nimport "./core/b.js";\nimport("./core/later.js");',
            "core/a.js": 'import {\n  b,\n} from "./b.js";\nexport { c } from "../c.js";',
            "core/b.js": "export const b = 1;",
            "core/later.js": "",
            "c.js": "",
        },
    )
    assert files.imports("main.js") == ["main.js", "core/a.js", "core/b.js", "c.js"]


def test_pages_link_to_files_of_this_version() -> None:
    for html in (page().decode(), schema_page().decode()):
        links = re.findall(r'(?:href|src)="(/static/[^"]+)"', html)
        assert len(links) >= 3
        for link in links:
            name = link.removeprefix(f"/static/{assets().version}/")
            assert assets().find(name) is not None, link


def test_all_imports_of_the_page_exist() -> None:
    modules = [path for path in STATIC.rglob("*.js") if "vendor" not in path.parts]
    assert len(modules) > 20
    for module in modules:
        for target in IMPORTED.findall(module.read_text()):
            # Types of the HTTP interface, which the type checker generates.
            if target == "../../api.js":
                continue
            # Of vendored libraries there is a declaration beside each module.
            assert (module.parent / target).is_file(), f"{module.name} imports {target}"


def test_vendored_files_are_those_that_were_recorded() -> None:
    recorded = json.loads((STATIC / "vendor" / "vendor.json").read_text())
    assert recorded["versions"]["lit"]
    for name, digest in recorded["sha256"].items():
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == digest, name
    folders = {name.split("/")[0] for name in recorded["sha256"]}
    present = {
        path.relative_to(STATIC / "vendor").as_posix()
        for folder in folders
        for path in (STATIC / "vendor" / folder).rglob("*")
        if path.is_file()
    }
    assert present == set(recorded["sha256"])
