"""The badge of a claim in a README."""

from pathlib import Path

BEGIN, END = "<!-- breakmywork -->", "<!-- /breakmywork -->"


def put_badge(file: Path, badge: str) -> bool:
    """Puts `badge` between the marks in a Markdown file, or marks and badge at its top; says whether it changed."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    marked = f"{BEGIN}\n{badge}\n{END}"
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if begin and not end:
        raise ValueError(f"{file} has {BEGIN} without {END} after it")
    new = f"{head}{marked}{tail}" if begin else f"{marked}\n\n{text}"
    if new == text:
        return False
    file.write_text(new, encoding="utf-8")
    return True
