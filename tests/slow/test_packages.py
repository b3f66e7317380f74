"""What the packages contain, and that their builds give the same bytes every time."""

import hashlib
import importlib
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ingest.embedding import packaged
from tests.paths import ROOT

# Python 3.11.4 and newer; later ones warn without it.
SAFELY: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}

PACKAGES = ROOT / "packages"
MODELS = ["luma-rag-minilm", "luma-rag-minilm-float32"]


def build(package: Path, target: str, out_dir: Path) -> Path:
    """Build an sdist or a wheel of `package`, and give its path."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(out_dir)]
    subprocess.run(command, cwd=package, check=True, capture_output=True, timeout=240)
    (built,) = out_dir.iterdir()
    return built


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture
def build_model(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that makes the files of the model, which is in no installed package."""
    monkeypatch.syspath_prepend(PACKAGES / "luma-rag-minilm")
    return importlib.import_module("build_model")


@pytest.mark.slow
def test_the_wheel_has_what_luma_runs_with_and_no_more(tmp_path: Path) -> None:
    names = names_in(build(ROOT, "wheel", tmp_path))
    assert {"luma_rag/py.typed", "ingest/py.typed"} <= names
    page = ROOT / "luma_rag/web"
    web = {str(path.relative_to(ROOT)) for path in [*(page / "static").rglob("*.*"), *page.glob("*.html")]}
    assert len(web) > 100
    assert web <= names
    # What the page is made with is for its developers.
    made_with = ("package.json", "package-lock.json", "tsconfig.json", "vendor.mjs", "types.d.ts")
    assert not [name for name in names if "node_modules" in name or name.endswith(made_with)]


@pytest.mark.slow
def test_a_wheel_from_the_sdist_is_the_same(tmp_path: Path) -> None:
    with tarfile.open(build(ROOT, "sdist", tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path, **SAFELY)
    (source,) = (path for path in tmp_path.iterdir() if path.name != "sdist")
    assert names_in(build(source, "wheel", tmp_path / "again")) == names_in(
        build(ROOT, "wheel", tmp_path / "wheel")
    )


def test_the_files_of_the_model_are_the_same_at_each_build(build_model: ModuleType, tmp_path: Path) -> None:
    for profile, digests in build_model.FILES.items():
        for attempt in ("first", "second"):
            folder = tmp_path / profile / attempt
            folder.mkdir(parents=True)
            assert not build_model.is_built(profile, folder)
            build_model.build(profile, folder)
            made = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
            assert made == digests
            assert build_model.is_built(profile, folder)


def test_the_builder_and_luma_expect_the_same_files(build_model: ModuleType) -> None:
    expected = [packaged._TOKENIZER, packaged._WORDS, *packaged._GRAPHS.values()]
    built = {name: digest for digests in build_model.FILES.values() for name, digest in digests.items()}
    assert {file.name: file.sha256 for file in expected} == built
    assert packaged.MODEL.sha256 == build_model.WEIGHTS


def test_other_weights_and_other_results_are_refused(
    build_model: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(build_model.FILES["float32"], "float32.onnx", "0" * 64)
    with pytest.raises(build_model.BuildError, match=r"SHA-256 of float32\.onnx"):
        build_model.build("float32", tmp_path)
    monkeypatch.setattr(build_model, "WEIGHTS", "0" * 64)
    with pytest.raises(build_model.BuildError, match=r"SHA-256 of model\.safetensors"):
        build_model.build("int8-v1", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_packages_of_the_model_need_nothing_but_their_sdist(name: str, tmp_path: Path) -> None:
    wheel = build(PACKAGES / name, "wheel", tmp_path / "wheel")
    assert any(entry.endswith(".onnx") for entry in names_in(wheel))
    with tarfile.open(build(PACKAGES / name, "sdist", tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path / "source", **SAFELY)
    (source,) = (tmp_path / "source").iterdir()
    script = (
        "from hatchling.build import get_requires_for_build_wheel as needs; assert needs() == [], needs()"
    )
    subprocess.run([sys.executable, "-c", script], cwd=source, check=True, timeout=60)
    again = build(source, "wheel", tmp_path / "again")
    assert again.read_bytes() == wheel.read_bytes()
