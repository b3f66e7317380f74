"""Looking at processes that may end at any moment, as those of the tests do."""

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import psutil

Answer = TypeVar("Answer")


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie has ended, whoever has yet to hear of it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ask_each(
    processes: Iterable[psutil.Process], question: Callable[[psutil.Process], Answer]
) -> list[tuple[psutil.Process, Answer]]:
    """The processes with their answers, without those that end before they have answered."""
    answers = []
    for process in processes:
        try:
            answers.append((process, question(process)))
        except psutil.NoSuchProcess:
            continue
    return answers


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill them all, and wait until the kernel has taken from them what they held."""
    killed = [process for process, _ in ask_each(processes, psutil.Process.kill)]
    deadline = time.monotonic() + 15
    # Not psutil.wait_procs, which would also wait until somebody has asked after the zombies.
    while any(is_alive(process) for process in killed):
        assert time.monotonic() < deadline, "a killed process does not end"
        time.sleep(0.05)
