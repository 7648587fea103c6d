"""What tests of several files ask for."""

import pytest
from chromium import Chromium


@pytest.fixture(scope="module")
def browser():
    """Chromium without a screen; the tests are skipped where there is none."""
    driver = Chromium()
    try:
        driver.size(1200, 800)
        yield driver
    finally:
        driver.close()
