"""What tests of several files ask for."""

import pytest


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
