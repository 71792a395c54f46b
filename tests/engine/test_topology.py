"""Who lies near whom."""

from __future__ import annotations

from engine.company import Asset
from engine.topology import DIRECT, HUB, MOST_NEAR, SHARED_HOST, SHARED_SERVICE, Topology


def asset(name: str, *needs: str, aliases: tuple[str, ...] = ()) -> Asset:
    return Asset(id=0, company_id=1, name=name, depends_on=needs, aliases=aliases)


def test_direct_dependencies_bind_both_ways_and_two_steps_bind_less() -> None:
    topology = Topology([asset("web", "db", "host-1"), asset("db", "host-1"), asset("shop", "web")])
    near = topology.near("web")
    assert near["db"][0] == near["shop"][0] == DIRECT
    assert topology.near("shop")["db"][0] == SHARED_SERVICE
    assert "depends on" in near["db"][1]


def test_two_things_on_one_host_bind_weakly() -> None:
    topology = Topology([asset("a", "host"), asset("b", "host")])
    assert topology.near("a")["b"] == (SHARED_HOST, "both depend on host")


def test_a_hub_says_nothing_about_those_behind_it() -> None:
    topology = Topology([asset(f"pc-{number}", "core-switch") for number in range(HUB + 1)])
    assert set(topology.near("pc-1")) == {"core-switch"}
    assert len(topology.near("core-switch")) <= MOST_NEAR


def test_an_alias_and_a_full_name_are_the_same_asset() -> None:
    topology = Topology(
        [asset("DB-01", aliases=("10.0.0.5",)), asset("web", "10.0.0.5"), asset("app", "db-01.acme.example")]
    )
    assert topology.needed_by("db-01") == ["web", "app"]


def test_an_asset_that_depends_on_itself_does_no_harm() -> None:
    assert dict(Topology([asset("web", "web")]).near("web")) == {}
