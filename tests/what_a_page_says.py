"""What a page of an AppTest says and shows, as the browser gets it."""

import json

from streamlit.testing.v1 import AppTest


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
