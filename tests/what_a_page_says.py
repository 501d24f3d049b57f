"""Pages opened by links in an AppTest, and what they say and show, as the browser gets it."""

import json
from pathlib import Path

from streamlit.testing.v1 import AppTest

PAGES = Path(__file__).resolve().parents[1] / "pages"


def opened(page: str, **link: object) -> AppTest:
    """Return a page as a link opens it; nothing may be raised there."""
    app = AppTest.from_file(str(PAGES / f"{page}.py"), default_timeout=300)
    for key, value in link.items():
        app.query_params[key] = str(value)
    app.run()
    assert not app.exception
    return app


def told(app: AppTest) -> str:
    """Return all the sentences."""
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    bars = [each.proto.text for each in app.get("progress")]
    return "\n".join([*(each.value for kind in kinds for each in kind), *bars])


def charts(app: AppTest) -> dict[str, dict]:
    """Return the figures by name, taken out of their JSON."""
    found = {}
    for each in app.get("bidi_component"):
        if each.proto.component_name == "rnnviz_charts":
            for chart in json.loads(each.proto.json)["charts"]:
                found[chart["name"]] = chart | {"figure": json.loads(chart["figure"])}
    return found
