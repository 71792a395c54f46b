"""What names say, and what they do not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.names import Names, first_part, stem


def test_replicas_share_a_stem_and_sites_a_first_part() -> None:
    assert stem("lon-cart-2") == stem("lon-cart-13") == "lon-cart"
    assert stem("a1-cart-2") != stem("a2-cart-2")
    assert first_part("lon-cart-2") == "lon" and first_part("printer") == ""


def test_siblings_are_those_with_the_same_stem() -> None:
    names = Names(["cart-1", "cart-2"])
    names.hear("cart-3")
    names.hear("cart-3")
    assert names.siblings("cart-1") == ["cart-2", "cart-3"]
    assert names.siblings("db") == []


def test_a_first_part_that_all_share_says_nothing() -> None:
    everywhere = Names(f"acme-{name}" for name in ("db", "web", "app"))
    assert everywhere.telling("acme") == 0.0
    split = Names(["lon-db", "lon-web", "ber-db", "ber-web", "nyc-db", "nyc-web"])
    assert split.telling("lon") > 1.0


def test_a_short_name_in_a_message_means_the_neighbour_of_the_same_site() -> None:
    names = Names(["lon-cart-1", "lon-db-1", "ber-db-1", "db-1"])
    assert names.mentioned("lon-cart-1", "cart-1 -> db-1 timed out", {}) == ["lon-db-1"]
    assert names.mentioned("ber-db-1", "slow since noon", {"upstream": "lon-db-1"}) == ["lon-db-1"]
    assert names.mentioned("lon-cart-1", "lon-cart-1 is slow", {}) == []


@given(st.text(max_size=200), st.text(max_size=3000))
def test_any_text_can_be_searched_for_names(asset: str, message: str) -> None:
    names = Names(["web-1"])
    assert set(names.mentioned(asset, message, {})) <= {"web-1"}
