"""The words: both languages complete, alike in what they fill in, and used."""

import re
import string
from pathlib import Path

import pytest

from rnnviz import text

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [*sorted((ROOT / "rnnviz").rglob("*.py")), *sorted((ROOT / "pages").glob("*.py")), ROOT / "app.py"]


def placeholders(phrase: str) -> list[str]:
    if "%{" in phrase:  # Plotly's hover texts have their own
        return sorted(re.findall(r"%\{([^}]+)\}", phrase))
    return sorted(name for _, name, _, _ in string.Formatter().parse(phrase) if name)


@pytest.mark.parametrize("key", sorted(text.phrases()))
def test_a_phrase_stands_in_both_languages_with_the_same_placeholders(key):
    phrase = text.phrases()[key]
    assert set(phrase) == set(text.LANGUAGES)
    assert all(phrase[language] for language in text.LANGUAGES)
    assert placeholders(phrase["en"]) == placeholders(phrase["zh"])


def test_chinese_uses_the_terms_of_the_field():
    chinese = "".join(phrase["zh"] for phrase in text.phrases().values())
    chinese += "".join(path.read_text("utf-8") for path in (ROOT / "rnnviz/text/lessons").glob("*.zh.md"))
    for wrong, right in {"隐藏状态": "隐状态", "忘记门": "遗忘门", "细胞状态": "记忆元", "递归": "循环"}.items():
        assert wrong not in chinese, f"write {right}"


def test_every_lesson_stands_in_both_languages_with_the_same_headings():
    lessons = ROOT / "rnnviz/text/lessons"
    pages = {path.name.split(".")[0] for path in lessons.iterdir()}
    for page in pages:
        english, chinese = (text.Words(language).lesson(page) for language in ("en", "zh"))
        assert [line.split()[0] for line in english.splitlines() if line.startswith("#")] == [
            line.split()[0] for line in chinese.splitlines() if line.startswith("#")
        ]


def test_every_phrase_is_used():
    code = "\n".join(path.read_text("utf-8") for path in SOURCES)
    literal = set(re.findall(r"""["']([a-z_]+(?:\.[a-zA-Z_-]+)+)["']""", code))
    patterns = [re.escape(p) for p in re.findall(r'f["\']([a-z_]+\.[^"\']*\{[^"\']*)["\']', code)]
    patterns = [re.sub(r"\\\{[^}]*\\\}", "[^.]+", pattern) for pattern in patterns]
    unused = [
        key
        for key in text.phrases()
        if key not in literal and not any(re.fullmatch(pattern, key) for pattern in patterns)
    ]
    assert not unused


def test_no_page_holds_a_sentence():
    """What a page shows comes from the words: no string of several words in pages/ or ui/ but docstrings."""
    import ast

    for path in [*(ROOT / "pages").glob("*.py"), *(ROOT / "rnnviz/ui").rglob("*.py"), ROOT / "app.py"]:
        tree = ast.parse(path.read_text("utf-8"))
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                assert not re.search(r"[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}", node.value), (path.name, node.value)


def test_an_unknown_phrase_or_language_is_refused_by_name():
    with pytest.raises(KeyError, match=r"phrase must be one of the keys in text/labels. Got 'no.such'"):
        text.Words("en")("no.such")
    with pytest.raises(ValueError, match="language must be one of en, zh. Got 'fr'"):
        text.Words("fr")
