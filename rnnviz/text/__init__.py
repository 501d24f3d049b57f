"""Every word a page shows, English and Chinese side by side: `labels/` for phrases, `lessons/` for longer texts."""

import tomllib
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent

LANGUAGES = {"en": "English", "zh": "中文"}


class Words:
    """The phrases of one language: `words("step.row", row=14, rows=28)`."""

    def __init__(self, language: str):
        if language not in LANGUAGES:
            raise ValueError(f"language must be one of {', '.join(LANGUAGES)}. Got {language!r}.")
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """Return the phrase under a dotted key, its {placeholders} filled. KeyError where there is none.

        Called without values it is returned as it stands: Plotly's hover texts have placeholders of their own.
        """
        phrase = phrases().get(key)
        if phrase is None:
            raise KeyError(f"phrase must be one of the keys in text/labels. Got {key!r}.")
        return phrase[self.language].format(**values) if values else phrase[self.language]

    def join(self, sentences: list[str]) -> str:
        """Return sentences one after the other; Chinese sets no space between them."""
        return ("" if self.language == "zh" else " ").join(sentences)

    def lesson(self, page: str) -> str:
        """Return the Markdown text of a page. FileNotFoundError where there is none."""
        return (_HERE / "lessons" / f"{page}.{self.language}.md").read_text("utf-8")


@cache
def phrases() -> dict[str, dict[str, str]]:
    """Return every phrase by its dotted key, as {"en": ..., "zh": ...}; ValueError where two files give the same."""
    found: dict[str, dict[str, str]] = {}

    def walk(table: dict, path: tuple[str, ...]) -> None:
        if set(table) & set(LANGUAGES):
            if (key := ".".join(path)) in found:
                raise ValueError(f"a phrase must stand in one place. {key} stands in two files of text/labels.")
            found[key] = table
            return
        for name, inner in table.items():
            walk(inner, (*path, name))

    for file in sorted((_HERE / "labels").glob("*.toml")):
        walk(tomllib.loads(file.read_text("utf-8")), ())
    return found
