"""What can be done with runs: stop, resume, rename, download, delete; what is refused is told in words."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from ...text import Words
from ...training import runs
from ...training.runs import Run
from .. import frame
from ..callbacks import answered
from ..markdown import escaped
from . import known, spoken
from .known import Entry

NOT_KEPT = ("lock", "stop", "place")
"""Files of a run that mean nothing elsewhere."""


def reason(words: Words, entry: Entry) -> str:
    """Return why a run failed."""
    known_reason = entry.state.reason if entry.state.reason in runs.REASONS else "error"
    return words(f"run.reason.{known_reason}")


def resume(words: Words, run: Run) -> None:
    """Send a run on from its last checkpoint."""
    _try(words, lambda: runs.resume(run), "resumed")


def stop(words: Words, run: Run) -> None:
    """Ask a run to stop, or cancel one that waits."""
    _try(words, lambda: runs.request_stop(run), "stopping")


def each(words: Words, entries: Sequence[Entry], standings: Sequence[str], act) -> None:
    """Do the same with all runs that stand so."""
    for entry in entries:
        if entry.standing in standings:
            act(words, entry.run)


def annotate(words: Words, run: Run, name: str, note: str) -> None:
    """Keep a name and a note."""
    _try(words, lambda: runs.annotate(run, name, note), "saved")


def _try(words: Words, act, done: str) -> None:
    """Act, and say that it is done or why it is not."""
    try:
        act()
    except runs.NoSuchRun:
        _say(words("acting.gone"), "block")
    except runs.RunError as error:
        frame.log(error)
        _say(words("acting.refused"), "block")
    except OSError as error:
        frame.log(error)
        _say(words("acting.disk"), "block")
    else:
        _say(words(f"acting.{done}"), "check")
    known.refresh()


def _say(text: str, icon: str) -> None:
    st.toast(text, icon=f":material/{icon}:")


def delete(words: Words, entries: Sequence[Entry]) -> None:
    """Show the button that deletes runs, asking first; not for those at work."""
    at_work = any(entry.standing in ("running", "stopping") for entry in entries)
    with st.popover(
        words("acting.delete"),
        icon=":material/delete:",
        disabled=at_work,
        help=words("acting.delete_at_work") if at_work else None,
    ):
        size = spoken.megabytes(sum(map(known.size, entries)))
        st.markdown(words("acting.delete_sure", count=len(entries), size=size))
        text, options = words("acting.delete_yes", count=len(entries)), {"type": "primary", "key": "delete_yes"}
        st.button(text, on_click=answered(_delete_opened), args=(words, entries), **options)


def _delete_opened(words: Words, entries: Sequence[Entry]) -> None:
    delete_now(words, entries)
    st.session_state["opened"] = []


def delete_now(words: Words, entries: Sequence[Entry]) -> None:
    """Delete runs, and say which ones could not be."""
    refused: dict[str, list[str]] = {"at_work": [], "disk": []}
    for entry in entries:
        try:
            runs.delete(entry.run)
        except runs.NoSuchRun:
            continue
        except (runs.RunError, OSError) as error:
            frame.log(error)
            disk = isinstance(error, OSError) or isinstance(error.__cause__, OSError)  # a lock that cannot be written
            refused["disk" if disk else "at_work"].append(escaped(entry.name))
    known.refresh()
    for why, names in refused.items():
        if names:
            _say(words(f"acting.not_deleted_{why}", names=words("runs.comma").join(names)), "block")
    if deleted := len(entries) - sum(map(len, refused.values())):
        _say(words("acting.deleted", count=deleted), "delete")


def note(words: Words, entry: Entry) -> None:
    """Show the button behind which name and note are written."""
    with (
        st.popover(words("acting.note"), icon=":material/edit_note:"),
        st.form(f"note_{entry.id}", border=False, enter_to_submit=False),
    ):
        name = st.text_input(words("acting.name"), entry.name, max_chars=runs.MAX_NAME)
        text = st.text_area(words("acting.text"), entry.note, max_chars=runs.MAX_NOTE)
        if st.form_submit_button(words("acting.save"), icon=":material/check:"):
            annotate(words, entry.run, name, text)
            st.rerun()


def download(words: Words, entry: Entry) -> None:
    """Show the button behind which a run's files are handed out."""
    files = ("config.json", "metrics.jsonl", "model.safetensors")
    with st.popover(words("acting.download"), icon=":material/download:"):
        for name in files:
            path = entry.run.folder / name
            if path.is_file():
                st.download_button(
                    words(f"acting.file_{path.stem}"),
                    path.read_bytes,
                    f"{entry.id}-{name}",
                    help=name,
                    on_click="ignore",
                    key=f"download_{path.stem}",
                    width="stretch",
                )
        st.download_button(
            words("acting.file_all"),
            lambda: packed(entry.run.folder),
            f"{entry.id}.zip",
            "application/zip",
            on_click="ignore",
            key="download_all",
            width="stretch",
        )


def packed(folder: Path) -> bytes:
    """Return a folder's files as a .zip, without those that mean nothing elsewhere."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in NOT_KEPT and not path.name.startswith("."):
                archive.write(path, f"{folder.name}/{path.relative_to(folder)}")
    return file.getvalue()
