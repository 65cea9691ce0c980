"""Timings are taken one at a time, whatever the tests do."""


def pytest_xdist_auto_num_workers(config) -> int:
    """No workers beside the process itself."""
    return 0
