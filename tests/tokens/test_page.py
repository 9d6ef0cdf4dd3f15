"""The docs page of the event table."""

from pathlib import Path

from musegen.tokens.fields import FIELDS, KINDS, LINK_PLACE
from musegen.tokens.page import events_page

PAGE = Path(__file__).parents[2] / "docs" / "events.md"


def test_the_page_in_docs_is_the_table() -> None:
    """docs/events.md says what the table says; `make docs` makes it anew."""
    assert PAGE.read_text(encoding="utf-8") == events_page()


def test_every_kind_and_field_is_on_the_page() -> None:
    """Each kind, each field and each link has a line."""
    page = events_page()
    for name in [*FIELDS, *(kind.name for kind in KINDS), *LINK_PLACE]:
        assert f"\n| {name} |" in page
