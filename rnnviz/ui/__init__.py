"""What the pages are built from; the only room that imports streamlit."""
