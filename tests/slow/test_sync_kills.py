"""`luma sync` is killed at random moments; the next run finishes what it left."""

from pathlib import Path

from tests.slow.sync_kills import Command, Folder, run


def test_a_killed_run_is_finished_by_the_next(environment: dict[str, str], tmp_path: Path) -> None:
    source = tmp_path / "source"
    killed, complaints = run(Command(environment, source), Folder(source), rounds=4)
    assert complaints == []
    assert killed
