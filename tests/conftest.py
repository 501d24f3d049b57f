"""What tests may need beyond Python: MNIST, a browser, Ray.

They are skipped where these are missing, unless RNNVIZ_TESTS_NEED names them ("mnist browser ray"): then that is a
failure.
"""

import os
import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def browser_path() -> str | None:
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def _missing(marker: str) -> str:
    """Return why tests with this marker cannot run, or nothing."""
    if marker == "browser":
        return "" if browser_path() else f"no browser on the PATH ({', '.join(BROWSERS)})"
    if marker == "ray":
        from tests.training import clusters

        return clusters.missing()
    from rnnviz.digits import mnist

    state = mnist.status().state
    return "" if state == "ready" else f"MNIST is {state}: set RNNVIZ_DATA"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    needed = os.environ.get("RNNVIZ_TESTS_NEED", "").split()
    for marker in ("mnist", "browser", "ray"):
        marked = [item for item in items if item.get_closest_marker(marker)]
        why = _missing(marker) if marked else ""
        if why and marker in needed:
            raise pytest.UsageError(f"RNNVIZ_TESTS_NEED asks for {marker}, but {why}.")
        for item in marked if why else ():
            # A newcomer without them still gets a green run, which says why. Nothing hides behind it: .ci/run names all
            # three in RNNVIZ_TESTS_NEED, and what is missing then ends the run with an error above.
            item.add_marker(pytest.mark.skip(reason=why))
