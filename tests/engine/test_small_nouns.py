"""Jobs, ids and the audit's chain: the small nouns that everything else rests on."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access import SYSTEM
from engine.audit import GENESIS, AuditEntry, AuditKind, canonical, entry, link
from engine.identifiers import incident_number, new_id
from engine.jobs import KINDS, CheckSla, SyncCard, pack, unpack
from tests.clock import START

VALUES: dict[str, Any] = {
    "int": st.integers(0, 2**62),
    "int | None": st.none() | st.integers(0, 2**62),
    "str": st.text(st.characters(codec="utf-8")),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(st.data())
def test_every_kind_of_job_survives_the_database(kind: str, data: st.DataObject) -> None:
    made = KINDS[kind]
    job = made(**{field.name: data.draw(VALUES[str(field.type)]) for field in fields(made)})
    assert unpack(kind, orjson.loads(orjson.dumps(pack(job)))) == job
    assert job.kind == kind


def test_a_job_of_a_later_version_is_said_to_be_unknown() -> None:
    with pytest.raises(KeyError):
        unpack("send_fax", {})


def test_jobs_about_different_things_never_share_a_key() -> None:
    ones: dict[str, Any] = {"int": 1, "int | None": 1, "str": "1"}
    keys = {
        made(**{field.name: ones[str(field.type)] for field in fields(made)}).key for made in KINDS.values()
    }
    assert len(keys) == len(KINDS)
    assert CheckSla(company_id=1, incident_id=1).key == CheckSla(company_id=2, incident_id=1).key
    assert SyncCard(company_id=1, card_id="a").key != SyncCard(company_id=1, card_id="b").key


def test_ids_are_unique_and_sort_as_they_were_made() -> None:
    made = [new_id(START + timedelta(milliseconds=index // 500)) for index in range(5000)]
    assert len(set(made)) == 5000 and made == sorted(made)
    assert {len(one) for one in made} == {26}


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=20))
def test_ids_sort_by_time_even_when_made_out_of_order(milliseconds: list[int]) -> None:
    made = {moment: new_id(START + timedelta(milliseconds=moment)) for moment in set(milliseconds)}
    assert sorted(made, key=lambda moment: made[moment]) == sorted(made)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("INC-42", 42),
        ("inc42", 42),
        (" Inc 42 ", 42),
        ("inc_7", 7),
        ("42", 42),
        ("", None),
        ("INC-", None),
        ("INC-4x", None),
        ("-42", None),
        ("4" * 19, None),
    ],
)
def test_an_incident_is_named_in_any_usual_spelling(text: str, number: int | None) -> None:
    assert incident_number(text) == number


KEY = b"k" * 32
ITEM = entry(
    AuditKind.INCIDENT_NOTED, company_id=1, actor=SYSTEM, subject="INC-1", now=START, text="é 🔥", n=3
)


def test_the_chain_depends_on_all_that_was_written_and_on_its_place() -> None:
    first = link(KEY, GENESIS, ITEM, 1)
    assert first == link(KEY, GENESIS, ITEM, 1) and len(first) == 64
    changed: list[AuditEntry] = [
        replace(ITEM, company_id=2),
        replace(ITEM, at=START + timedelta(microseconds=1)),
        replace(ITEM, kind=AuditKind.REFUSED),
        replace(ITEM, actor="Eve"),
        replace(ITEM, actor_id=5),
        replace(ITEM, via="api"),
        replace(ITEM, subject="INC-2"),
        replace(ITEM, detail={"text": "é 🔥", "n": 4}),
    ]
    others = [link(KEY, GENESIS, one, 1) for one in changed]
    others += [link(KEY, GENESIS, ITEM, 2), link(KEY, "f" * 64, ITEM, 1), link(b"x" * 32, GENESIS, ITEM, 1)]
    assert len({first, *others}) == len(others) + 1


DETAIL = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(st.characters(codec="utf-8"))),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), DETAIL, max_size=4))
def test_the_chained_text_is_the_same_after_the_database(detail: dict[str, Any]) -> None:
    kept = replace(ITEM, detail=orjson.loads(orjson.dumps(detail)))
    assert canonical(kept, 1) == canonical(replace(ITEM, detail=detail), 1)


@given(st.text(max_size=8), st.text(max_size=8))
def test_no_two_entries_share_a_text(actor: str, subject: str) -> None:
    moved = replace(ITEM, actor=actor + subject, subject="")
    assert (canonical(moved, 1) == canonical(replace(ITEM, actor=actor, subject=subject), 1)) == (not subject)
