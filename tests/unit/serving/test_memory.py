"""Memory that requests needed goes back to the system."""

import asyncio
import platform
import threading

import pytest

from hornet.serving.memory import trim_regularly, trimmer


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no glibc")
def test_glibc_can_trim():
    """Where the C library is glibc, there is a trimmer, and it answers 0 or 1."""
    trim = trimmer()

    assert trim is not None
    assert trim(0) in {0, 1}


def test_trims_come_again_and_again_off_the_loop_until_cancelled():
    """Each trim runs in a thread that isn't the event loop's, and cancelling ends them."""
    threads = []
    twice = threading.Event()

    def trim(slack):
        threads.append((slack, threading.current_thread() is threading.main_thread()))
        if len(threads) > 1:
            twice.set()
        return 1

    async def run():
        task = asyncio.create_task(trim_regularly(trim, 0.001))
        await asyncio.to_thread(twice.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        count = len(threads)
        await asyncio.sleep(0.05)
        return count

    count = asyncio.run(run())

    assert {(0, False)} == set(threads)
    assert count == len(threads)
