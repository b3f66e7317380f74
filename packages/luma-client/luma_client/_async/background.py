"""Waiting, and calls that block."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# asyncio is imported on first use: scripts import this package too, and loading it takes the most time.


async def sleep(seconds: float) -> None:
    """Wait."""
    import asyncio

    await asyncio.sleep(seconds)


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function that blocks."""
    import asyncio

    return await asyncio.to_thread(function, *args, **kwargs)
