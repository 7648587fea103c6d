"""What tests of several files ask for."""

import signal

import pytest

# A shell that starts the tests in the background has them ignore Ctrl-C: not so here, where some
# send it to themselves and wait for what it does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def browser():
    """Chromium without a screen; the tests are skipped where there is none."""
    from chromium import Chromium  # which no test needs on Windows

    driver = Chromium()
    try:
        driver.size(1200, 800)
        yield driver
    finally:
        driver.close()
