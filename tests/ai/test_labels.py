"""The labelled alerts of `make bench-ai` can be used, and those that are held out are others than our own."""

from __future__ import annotations

import pytest

from benchmarks.ai import own, rows
from engine.classification import CATEGORIES
from runbooks.catalogue import load


@pytest.mark.parametrize(("file", "least"), [("own.tsv", 99), ("held.tsv", 100)])
def test_every_label_is_one_that_can_be_given(file: str, least: int):
    labelled = list(own(file))
    ids = {one.id for one in load().all()} | {None}
    assert len(labelled) >= least
    for one in labelled:
        assert one.categories and one.categories <= CATEGORIES, one
        assert one.severities and one.runbooks and one.runbooks <= ids, one


def test_nothing_that_is_held_out_was_in_view():
    ours = {row[2].lower() for row in rows("own.tsv")}
    held = [row[2].lower() for row in rows("held.tsv")]
    assert len(set(held)) == len(held) and not ours & set(held)
