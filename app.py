"""The app: `streamlit run app.py`."""

from rnnviz.ui import frame

frame.route()
