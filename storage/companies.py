"""Companies, their keys and assets, and the cached context that deciding about a company needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine import signing
from engine.cloud import Cloud
from engine.company import Asset, Company, CompanyContext, own_settings, settled
from engine.errors import Conflict
from engine.setting import Layers, Setting
from engine.signing import SigningSecret
from storage import dialect
from storage.prepared import Prepared
from storage.rows import locked
from storage.settings_tables import company_groups, msp_settings
from storage.tables import api_keys, assets
from storage.tables import companies as table

if TYPE_CHECKING:
    from storage.transaction import Transaction


def _versions(dialect_name: str) -> Any:
    statement = sa.select(table.c.id, table.c.version).where(dialect.any_of(dialect_name, table.c.id, "ids"))
    return statement.order_by(table.c.id)


_VERSIONS = Prepared(_versions)
_VERSIONS_ALONE = Prepared(
    lambda dialect_name: _versions(dialect_name).add_columns(
        table.c.heard_by, *dialect.taking_turns(dialect_name, table.c.id)
    )
)


class ContextCache:
    """Per process: the last context of each company, valid while the company's version is the same."""

    def __init__(self) -> None:
        self.kept: dict[int, CompanyContext] = {}


@dataclass(frozen=True, slots=True)
class StoredKey:
    """An API key as kept. The digest is of the whole key; `expires_at` None means until it is rotated."""

    id: str
    company_id: int
    digest: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    hmac_sealed: bytes | None
    archived: bool
    query_key: bool
    """May it stand in the query string?"""


_KEYS = sa.select(api_keys, table.c.hmac_secret, table.c.archived_at, table.c.query_key).join(
    table, table.c.id == api_keys.c.company_id
)


def _to_key(row: Any) -> StoredKey:
    return StoredKey(
        id=row.id,
        company_id=row.company_id,
        digest=row.digest,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        hmac_sealed=row.hmac_secret,
        archived=row.archived_at is not None,
        query_key=row.query_key,
    )


def _lasts(at: datetime) -> sa.ColumnElement[bool]:
    """The key does not end before then."""
    return sa.or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > at)


COMPANY = (
    sa.select(
        table,
        company_groups.c.name.label("group_name"),
        company_groups.c.settings.label("of_group"),
        msp_settings.c.settings.label("of_msp"),
    )
    .outerjoin(company_groups, company_groups.c.id == table.c.group_id)
    .outerjoin(msp_settings, msp_settings.c.company_id == 0)
)
"""A company with what it inherits, in one look."""


def inherited(setting: Setting) -> sa.ColumnElement[str]:
    """A setting of text as it holds for each row of `COMPANY`, to search by."""
    places = (table.c.settings, company_groups.c.settings, msp_settings.c.settings)
    return sa.func.coalesce(*(one[setting.name].as_string() for one in places), setting.default)


def _to_company(row: Any) -> Company:
    company = Company(
        id=row.id,
        slug=row.slug,
        name=row.name,
        version=row.version,
        archived_at=row.archived_at,
        slack_channel=row.slack_channel,
        teams_conversation=row.teams_conversation,
        query_key=row.query_key,
        sns_topics=tuple(row.sns_topics or ()),
        clouds=tuple(Cloud(**one) for one in row.clouds or ()),
        group_id=row.group_id,
        layers=Layers(row.of_msp or {}, row.of_group or {}, row.settings, row.group_name or ""),
    )
    return settled(company)


def _to_row(company: Company) -> dict[str, Any]:
    return {
        "slug": company.slug,
        "name": company.name,
        "archived_at": company.archived_at,
        "slack_channel": company.slack_channel,
        "teams_conversation": company.teams_conversation,
        "group_id": company.group_id,
        "settings": own_settings(company),
        "query_key": company.query_key,
        "sns_topics": list(company.sns_topics),
        "clouds": [asdict(cloud) for cloud in company.clouds],
    }


def _to_asset(row: Any) -> Asset:
    return Asset(
        id=row.id,
        company_id=row.company_id,
        name=row.name,
        aliases=tuple(row.aliases),
        platform=row.platform,
        cloud_ref=row.cloud_ref,
        region=row.region,
        critical=row.critical,
        depends_on=tuple(row.depends_on),
        labels=row.labels,
    )


class Companies:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._changed = False

    async def contexts(self, ids: Collection[int], *, alone: bool = False) -> Mapping[int, CompanyContext]:
        """The contexts of these companies: from the cache where the version still holds, else read anew. `alone` waits
        until no other transaction of any replica that asked so is at work on one of them."""
        if not ids:
            return {}
        found: dict[int, CompanyContext] = {}
        rows = await (_VERSIONS_ALONE if alone else _VERSIONS).rows(self._tx, ids=sorted(ids))
        if alone:
            self._tx.pictures.heard_by.update({row[0]: row[2] for row in rows})
        for company_id, version, *_ in rows:
            kept = self._tx.contexts.kept.get(company_id)
            if kept is None or kept.company.version != version:
                kept = await self._read_context(company_id)
                if not self._changed:  # what this transaction changed may yet be rolled back
                    self._tx.contexts.kept[company_id] = kept
            found[company_id] = kept
        return found

    async def context(self, company_id: int) -> CompanyContext:
        """Raises KeyError for an unknown company."""
        return (await self.contexts([company_id]))[company_id]

    async def _read_context(self, company_id: int) -> CompanyContext:
        row = (await self._tx.connection.execute(COMPANY.where(table.c.id == company_id))).one()
        people = [user for user in await self._tx.users.all() if user.works_for(company_id)]
        return CompanyContext(
            company=_to_company(row),
            assets=tuple(await self.assets(company_id)),
            people=tuple(people),
            quiet=tuple(await self._tx.quiet.unfinished([company_id])),
            aliases=tuple(await self._tx.knowledge.aliases(company_id)),
            rotations=tuple(one for one in await self._tx.rotations.all() if one.serves(company_id)),
        )

    async def get(self, company_id: int) -> Company | None:
        return await self._one(table.c.id == company_id)

    async def by_slug(self, slug: str) -> Company | None:
        return await self._one(table.c.slug == slug)

    async def by_channel(self, platform: str, channel: str) -> Company | None:
        column = table.c.slack_channel if platform == "slack" else table.c.teams_conversation
        return await self._one(column == channel)

    async def _one(self, where: Any) -> Company | None:
        row = (await self._tx.connection.execute(COMPANY.where(where))).first()
        return _to_company(row) if row else None

    async def all(self, *, archived: bool = False) -> Sequence[Company]:
        statement = COMPANY.order_by(table.c.slug)
        if not archived:
            statement = statement.where(table.c.archived_at.is_(None))
        return [_to_company(row) for row in await self._tx.connection.execute(statement)]

    async def add(self, company: Company, *, hmac_secret: str | None, now: datetime) -> Company:
        self._changed = True
        sealed = self._tx.vault.seal(signing.pack([SigningSecret(hmac_secret)])) if hmac_secret else None
        values = _to_row(company) | {"created_at": now, "hmac_secret": sealed}
        statement = sa.insert(table).values(**values).returning(table.c.id)
        number = (await self._tx.connection.execute(statement)).scalar_one()
        stored = await self.get(number)
        assert stored is not None
        return stored

    async def change(self, company: Company) -> None:
        """Settings only where they were changed in this very object: who has it in hand for something else may have an
        older copy."""
        self._changed = True
        values = _to_row(company)
        if values["settings"] == company.layers.company:
            del values["settings"]
        del values["group_id"]
        statement = (
            sa.update(table).where(table.c.id == company.id).values(**values, version=table.c.version + 1)
        )
        await self._tx.connection.execute(statement)

    async def configure(self, company: Company) -> None:
        """Keep its own settings and its group. Raises Conflict when it changed since it was read."""
        self._changed = True
        statement = (
            sa.update(table)
            .where(table.c.id == company.id, table.c.version == company.version)
            .values(settings=own_settings(company), group_id=company.group_id, version=table.c.version + 1)
        )
        if (await self._tx.connection.execute(statement)).rowcount != 1:
            raise Conflict

    async def touch(self, company_id: int | None = None, *, group_id: int | None = None) -> None:
        """Make every replica read the context anew: of one company, of a group's, or of all."""
        self._changed = True
        statement = sa.update(table).values(version=table.c.version + 1)
        if group_id is not None:
            statement = statement.where(table.c.group_id == group_id)
        if company_id is not None:
            statement = statement.where(table.c.id == company_id)
        await self._tx.connection.execute(statement)

    async def assets(self, company_id: int) -> Sequence[Asset]:
        statement = sa.select(assets).where(assets.c.company_id == company_id).order_by(assets.c.id)
        return [_to_asset(row) for row in await self._tx.connection.execute(statement)]

    async def add_asset(self, asset: Asset) -> Asset:
        statement = sa.insert(assets).values(**_asset_row(asset)).returning(assets.c.id)
        number = (await self._tx.connection.execute(statement)).scalar_one()
        await self.touch(asset.company_id)
        return replace(asset, id=number)

    async def change_asset(self, asset: Asset) -> None:
        where = (assets.c.id == asset.id) & (assets.c.company_id == asset.company_id)
        await self._tx.connection.execute(sa.update(assets).where(where).values(**_asset_row(asset)))
        await self.touch(asset.company_id)

    async def add_key(
        self, key_id: str, company_id: int, digest: str, *, now: datetime, expires_at: datetime | None = None
    ) -> None:
        values = {"id": key_id, "company_id": company_id, "digest": digest}
        statement = sa.insert(api_keys).values(**values, created_at=now, expires_at=expires_at)
        await self._tx.connection.execute(statement)

    async def remove_key(self, key_id: str) -> None:
        """For one that was only lent."""
        await self._tx.connection.execute(sa.delete(api_keys).where(api_keys.c.id == key_id))

    async def expire_keys(self, company_id: int, *, at: datetime, keep: str) -> int:
        """Let every other key of the company end at `at`, unless it ends earlier. How many that were."""
        statement = (
            sa.update(api_keys)
            .where(
                api_keys.c.company_id == company_id,
                api_keys.c.id != keep,
                _lasts(at),
            )
            .values(expires_at=at)
        )
        return int((await self._tx.connection.execute(statement)).rowcount)

    async def key(self, key_id: str) -> StoredKey | None:
        row = (await self._tx.connection.execute(_KEYS.where(api_keys.c.id == key_id))).first()
        return _to_key(row) if row else None

    async def keys(self, company_id: int) -> Sequence[StoredKey]:
        """Every key the company ever had, newest first."""
        statement = _KEYS.where(api_keys.c.company_id == company_id)
        ordered = statement.order_by(api_keys.c.created_at.desc(), api_keys.c.id)
        return [_to_key(row) for row in await self._tx.connection.execute(ordered)]

    async def expire_key(self, company_id: int, key_id: str, *, at: datetime) -> bool:
        """Let one key end at `at`. False when there is none, or it ends earlier."""
        statement = (
            sa.update(api_keys)
            .where(api_keys.c.company_id == company_id, api_keys.c.id == key_id, _lasts(at))
            .values(expires_at=at)
        )
        return bool((await self._tx.connection.execute(statement)).rowcount)

    async def signing(self, company_id: int) -> Sequence[SigningSecret]:
        """None when the company does not sign. Raises ValueError when this server cannot open them."""
        statement = sa.select(table.c.hmac_secret).where(table.c.id == company_id)
        sealed = (await self._tx.connection.execute(locked(self._tx, statement))).scalar_one()
        return signing.unpack(self._tx.vault.open(sealed)) if sealed else ()

    async def sign(self, company_id: int, secrets: Sequence[SigningSecret]) -> None:
        """From now on these hold; none: the company does not sign any more."""
        sealed = self._tx.vault.seal(signing.pack(secrets)) if secrets else None
        await self._tx.connection.execute(
            sa.update(table).where(table.c.id == company_id).values(hmac_secret=sealed)
        )

    async def heard_by(self, name: str, ids: Collection[int]) -> None:
        """The process of that name was the last to hear something new of these companies."""
        statement = sa.update(table).where(table.c.id.in_(sorted(ids))).values(heard_by=name)
        await self._tx.connection.execute(statement)

    async def keys_used(self, used: Mapping[str, datetime]) -> None:
        for key_id in sorted(used):
            statement = sa.update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=used[key_id])
            await self._tx.connection.execute(statement)


def _asset_row(asset: Asset) -> dict[str, Any]:
    row = asdict(asset) | {"aliases": list(asset.aliases), "depends_on": list(asset.depends_on)}
    del row["id"]
    return row | {"labels": dict(asset.labels)}
