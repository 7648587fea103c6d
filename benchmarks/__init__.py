"""Measurements, side by side and in one run. They are no tests: nothing here passes or fails."""
