"""Fails if a locked package has a known vulnerability, and reports packages that could not be audited.

    python -m tests.security.check_packages [--complete]

pip-audit queries PyPI. If PyPI is unreachable, or replaced by an index without advisories, it skips packages,
and a clean result would be meaningless. `--complete` (or AUDIT_COMPLETE=1) makes that an error too, for
releases.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
# The first contains everything in requirements.lock. pip-audit refuses to mix lines with and without hashes.
LOCKS = ("requirements-dev.lock", "requirements-torch.lock")
# Advisories that do not affect Luma, by id or alias, with the reason. Obsolete entries are an error.
ACCEPTED: dict[str, str] = {}


class Vulnerability(msgspec.Struct, frozen=True):
    """An advisory for the locked version of a package."""

    id: str
    fix_versions: list[str] = []
    aliases: list[str] = []


class Package(msgspec.Struct, frozen=True):
    """pip-audit's result for a package; `skip_reason` is set if there is none."""

    name: str
    version: str | None = None
    vulns: list[Vulnerability] = []
    skip_reason: str | None = None


class Report(msgspec.Struct, frozen=True):
    """pip-audit's JSON."""

    dependencies: list[Package]


class Result(msgspec.Struct, frozen=True):
    """The lines to print, and whether the check fails."""

    lines: list[str]
    is_failed: bool


def judged(
    report: Report,
    locked: Sequence[str],
    accepted: Mapping[str, str] = ACCEPTED,
    *,
    must_be_complete: bool = False,
) -> Result:
    """Evaluate pip-audit's report on the `locked` package names."""
    lines, is_failed, came_up = [], False, set()
    for package in report.dependencies:
        for found in package.vulns:
            reasons = {name: accepted[name] for name in (found.id, *found.aliases) if name in accepted}
            came_up |= reasons.keys()
            if not reasons:
                fixed = ", ".join(found.fix_versions) or "no version"
                lines.append(f"{package.name} {package.version}: {found.id}, fixed in {fixed}")
                is_failed = True
    audited = {package.name for package in report.dependencies if package.skip_reason is None}
    missing = sorted(set(locked) - audited)
    if missing:
        lines.append(
            f"WARNING: {len(missing)} of {len(locked)} packages could not be audited, so nothing is known of "
            f"their vulnerabilities: {', '.join(missing[:10])}{', …' if len(missing) > 10 else ''}"
        )
        is_failed = is_failed or must_be_complete
    else:
        # Only a complete report proves that an advisory no longer applies.
        for name in sorted(accepted.keys() - came_up):
            lines.append(f"{name} does not come up any more: take it out of ACCEPTED")
            is_failed = True
    if not lines:
        lines.append(f"All {len(locked)} packages were audited; none has a known vulnerability.")
    return Result(lines, is_failed)


def locked_names(text: str) -> list[str]:
    """The normalized names in a lock file, without those for other platforms."""
    pinned = [Requirement(line.rstrip(" \\")) for line in text.splitlines() if re.match(r"[\w.-]+==", line)]
    names = [pin.name for pin in pinned if pin.marker is None or pin.marker.evaluate()]
    return [name.lower().replace("_", "-").replace(".", "-") for name in names]


def ask_pip_audit() -> Report:
    """Run pip-audit on the lock files; returns an empty report if the network is unreachable."""
    return Report([package for name in LOCKS for package in _audited(ROOT / name).dependencies])


def _audited(lock: Path) -> Report:
    options = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", *options, "-r", str(lock)],
        capture_output=True,
        check=False,
    )
    try:
        return msgspec.json.decode(done.stdout, type=Report)
    except msgspec.DecodeError:
        print(done.stderr.decode(errors="replace"), file=sys.stderr)
        return Report([])


def main() -> None:
    """Check the locked packages; exit with 1 on failure."""
    must_be_complete = "--complete" in sys.argv[1:] or os.environ.get("AUDIT_COMPLETE") == "1"
    locked = [name for lock in LOCKS for name in locked_names((ROOT / lock).read_text())]
    result = judged(ask_pip_audit(), locked, must_be_complete=must_be_complete)
    print("\n".join(result.lines), file=sys.stderr if result.is_failed else sys.stdout)
    sys.exit(1 if result.is_failed else 0)


if __name__ == "__main__":
    main()
