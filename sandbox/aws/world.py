"""The pretend Amazon as one object: its accounts, machines, commands and mails, and the clock they share."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.aws.checks import INSTANCE_ID
from sandbox.aws.commands import Command, Dispatch, Pace
from sandbox.aws.ground import lay
from sandbox.aws.identities import Identities, Identity
from sandbox.aws.isolation import Isolation, Wall
from sandbox.aws.machine import Ground, Machine, Ping, Platform
from sandbox.aws.ses import Mail, Ses
from sandbox.aws.ssm import Ssm
from sandbox.aws.stores import Stores
from sandbox.aws.sts import Role, Sts
from sandbox.aws.templates import TEMPLATES
from sandbox.aws.throttle import Rate, Throttle
from sandbox.faults import Faults
from sandbox.world import Account, AwsConfig, BadWorld, Instance


class AwsWorld:
    """`root`: the host folder in which start() makes the folder "aws" for the machines; stop() removes it.
    `publish`: told of every mail and machine change as {"type": "mail" | "machine", …}.

    Tests may set `pace` (how fast the service is), `now` (its clock) and `rates` (its request limits) at any time.
    """

    def __init__(
        self, config: AwsConfig, root: Path | str, faults: Faults, publish: Callable[[dict[str, Any]], None]
    ) -> None:
        self.faults = faults
        self.pace = Pace()
        self.asked: set[str] = set()
        """What assumed roles called, as policies name it: ssm:SendCommand."""
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.rates = {"SendCommand": Rate(5, 20), "*": Rate(20, 60)}
        self.identities = Identities()
        self.machines: dict[str, Machine] = {}
        self._root = Path(root).absolute() / "aws"
        self._publish = publish
        self._config = config
        _check(config)
        self._started = False
        self._isolation: Isolation | None = None
        self.stores = Stores()
        for one in config.accounts:
            for name in one.buckets:
                self.stores.add_bucket(one.id, name)
            for name in one.log_groups:
                self.stores.add_group(one.id, name)
        self._dispatch = Dispatch(
            lambda: self.now(), lambda: self.pace, self._machine_changed, self.stores.keep
        )
        self._ssm: dict[tuple[str, str], Ssm] = {}
        home = config.home
        self.identities.add(
            Identity(
                account=home.account,
                arn=f"arn:aws:iam::{home.account}:user/alert-whisperer",
                user_id="AIDA" + home.account.rjust(17, "A")[:17],
                access_key_id=home.access_key_id,
                secret_access_key=home.secret_access_key,
            )
        )
        self.roles = {
            one.role_arn: Role(arn=one.role_arn, account=one.id, external_id=one.external_id)
            for one in config.accounts
        }
        self.sts = Sts(self.identities, self.roles, home.account)
        self.ses = Ses(
            config.ses.verified,
            sandboxed=config.ses.sandboxed,
            now=lambda: self.now(),
            received=lambda mail: self._publish({"type": "mail", "mail": mail.as_json()}),
        )

    @property
    def mails(self) -> list[Mail]:
        """Every mail accepted, oldest first."""
        return self.ses.mails

    @property
    def commands(self) -> list[Command]:
        """Every command taken, in all accounts, oldest first."""
        found = [command for ssm in self._ssm.values() for command in ssm.commands]
        return sorted(found, key=lambda command: command.requested_at)

    @property
    def wall(self) -> Wall | None:
        """What isolates scripts from this host; None: scripts are not run."""
        return self._isolation.wall if self._isolation else None

    async def start(self, walls: tuple[Wall, ...] = tuple(Wall)) -> None:
        """Makes the machines and finds out how this host can isolate scripts. A second call does nothing."""
        if self._started:
            return
        self._started = True
        self.machines.clear()
        self._ssm.clear()
        isolation = self._isolation = self._furnish()
        probe = self._root / "scripts" / "probe.sh"
        probe.write_text("#!/bin/sh\n")
        for machine in list(self.machines.values())[:1]:
            await isolation.probe(machine.room(probe), walls)

    def _furnish(self) -> Isolation:
        """The folders on the host: shims and machines."""
        ground = lay(self._root)
        for account in self._config.accounts:
            for instance in account.instances:
                self._add_machine(ground, account, instance)
        return ground.isolation

    async def stop(self) -> None:
        """Kills what runs and removes the machines. What was recorded stays to be looked at."""
        if not self._started:
            return
        self._started = False
        await self._dispatch.close()
        shutil.rmtree(self._root)

    def break_machine(self, instance_id: str, how: str) -> None:
        """Breaks or mends a machine: fill-disk, fill-data, stop-unit:NAME, hang-unit:NAME, break-unit:NAME,
        mend-unit:NAME, memory-pressure, offline, online, repair. Raises KeyError or ValueError for what is not
        there."""
        machine = self.machines[instance_id]
        machine.break_(how)
        self._machine_changed(machine)

    def ssm(self, account: str, region: str) -> Ssm:
        """Systems Manager of one account and region."""
        key = (account, region)
        if key not in self._ssm:
            machines = {
                machine.id: machine
                for machine in self.machines.values()
                if (machine.account, machine.region) == key
            }
            self._ssm[key] = Ssm(
                machines,
                self._dispatch,
                lambda: self.pace,
                Throttle(self.rates, time.monotonic),
                lambda: self.now(),
                account=account,
                region=region,
            )
        return self._ssm[key]

    def _add_machine(self, ground: Ground, account: Account, instance: Instance) -> None:
        machine = Machine(
            ground,
            identifier=instance.id,
            name=instance.name,
            account=account.id,
            region=account.region,
            platform=Platform(instance.platform),
            ping=Ping(instance.ping),
            template=instance.template,
        )
        machine.build()
        self.machines[machine.id] = machine

    def _machine_changed(self, machine: Machine) -> None:
        self._publish({"type": "machine", "machine": machine.snapshot()})


def _check(config: AwsConfig) -> None:
    """Raises BadWorld for a machine that cannot be made."""
    seen: set[str] = set()
    for account in config.accounts:
        if not account.external_id:
            raise BadWorld(f"aws: account {account.id} has no external_id")
        for instance in account.instances:
            if not INSTANCE_ID.fullmatch(instance.id):
                raise BadWorld(f"aws: {instance.id!r} is no instance id")
            if instance.id in seen:
                raise BadWorld(f"aws: two machines with the id {instance.id}")
            seen.add(instance.id)
            for word, known in (
                (instance.template, tuple(TEMPLATES)),
                (instance.platform, tuple(Platform)),
                (instance.ping, tuple(Ping)),
            ):
                if word not in known:
                    raise BadWorld(f"aws: {instance.id}: {word!r} is none of {', '.join(known)}")
