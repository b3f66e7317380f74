"""Inspection of processes that may exit at any moment."""

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import psutil

Answer = TypeVar("Answer")


def is_alive(process: psutil.Process) -> bool:
    """Whether the process still runs. A zombie does not, even if its parent has not reaped it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ask_each(
    processes: Iterable[psutil.Process], question: Callable[[psutil.Process], Answer]
) -> list[tuple[psutil.Process, Answer]]:
    """The processes with their results, without those that exit before they respond."""
    answers = []
    for process in processes:
        try:
            answers.append((process, question(process)))
        except psutil.NoSuchProcess:
            continue
    return answers


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill all processes, and wait until the kernel has released their resources."""
    killed = [process for process, _ in ask_each(processes, psutil.Process.kill)]
    deadline = time.monotonic() + 15
    # psutil.wait_procs would also wait until the zombies are reaped.
    while any(is_alive(process) for process in killed):
        assert time.monotonic() < deadline, "a killed process does not end"
        time.sleep(0.05)
