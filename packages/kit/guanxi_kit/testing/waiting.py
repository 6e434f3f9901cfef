"""Waiting by polling with a deadline, never by a bare sleep."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

ResultT = TypeVar("ResultT")
_LONGEST_PAUSE = 0.2


@overload
async def eventually(
    condition: Callable[[], Awaitable[ResultT]], timeout: float = ..., interval: float = ...
) -> ResultT: ...
@overload
async def eventually(
    condition: Callable[[], ResultT], timeout: float = ..., interval: float = ...
) -> ResultT: ...
async def eventually(condition: Callable[[], Any], timeout: float = 30.0, interval: float = 0.02) -> Any:
    """Poll `condition`, a function or coroutine function, until it holds, and return its value.

    It holds when it returns anything but False (a function of assertions returns None). It does not yet when it
    returns False or raises AssertionError. Other exceptions pass. After `timeout` seconds raises AssertionError with
    the last failure as its cause. Pauses last `interval` seconds, and a tenth of the wait as it grows (0.2 s at most):
    who is asked all the time has less for what is waited for.
    """
    started = time.monotonic()
    while True:
        failure: AssertionError | None = None
        try:
            result = condition()
            if inspect.isawaitable(result):
                result = await result
            if result is not False:
                return result
        except AssertionError as error:
            failure = error
        waited = time.monotonic() - started
        if waited >= timeout:
            raise AssertionError(f"did not hold within {timeout:g} s: {failure or 'was False'}") from failure
        await asyncio.sleep(max(interval, min(waited / 10, _LONGEST_PAUSE)))
