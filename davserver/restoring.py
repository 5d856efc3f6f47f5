"""From a backup to a new data directory: put back, look at every byte, then begin anew (docs/decisions/0046).

Whoever asks later cannot tell what was changed after the backup: so whatever could have been revoked since sleeps until
somebody wakes it, ids and change numbers leave out what the lost time may have given out, and no sync-token from before
holds any more.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert

from acl import store
from davserver.accounts import lull_app_passwords
from davserver.backups import (
    SEALED,
    Backup,
    NoBackup,
    copied,
    copy_file,
    empty,
    open_file,
    read_manifest,
    seal,
    sum_of,
)
from davserver.founding import sync_directory
from davserver.house import RESTORES, UNFINISHED, House
from davserver.keys import KeyProblem, RootKeys
from davserver.schema import device_login, handover, invitation, opening, session, setting
from davserver.settings import Settings
from shareproviders.contract import Damaged, Restorable, Upkeep

LEAP = 1 << 20
"""Ids of comments, links, entries … that are left out."""
UNCOUNTED = ("audit", "space")
"""The log counts without gaps, so that a missing line shows; the number of a space stands in the ids of its nodes."""


class Restored(NamedTuple):
    """What was put back."""

    backup: Backup
    at: int
    links: int
    """That sleep."""
    app_passwords: int


def restore(source: Path, directory: Path, key: Path, settings: Settings, by: str) -> Restored:
    """Make a data directory of a backup; all of it, or nothing stays.

    Raises NoBackup, KeyProblem, Damaged, WrongSchema.
    """
    source, directory, key = source.absolute(), directory.absolute(), key.absolute()
    said, facts = read_manifest(source)
    RootKeys(key).find(said.key_id, f"the backup {source}")
    _check_target(directory, key)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    (directory / UNFINISHED).touch(0o600)
    sync_directory(directory)  # a power cut must not leave the rest without it
    try:
        return _restored(_Source(source, said, facts), directory, key, settings, by)
    except BaseException:
        empty(directory)
        raise


def _check_target(directory: Path, key: Path) -> None:
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise NoBackup(f"{directory} exists already and is not empty; a backup goes into a new directory")
    if key.is_relative_to(directory):
        raise KeyProblem(f"the root key must lie outside the data directory; put it elsewhere than {key}")


class _Source(NamedTuple):
    """A backup, and what its manifest says."""

    path: Path
    said: Backup
    facts: Mapping[str, Any]


def _restored(found: _Source, directory: Path, key: Path, settings: Settings, by: str) -> Restored:
    source, said, facts = found
    for name, wanted in said.sums.items():
        if not (source / name).is_file() or sum_of(source / name) != wanted:
            raise Damaged(f"{source / name} is missing or was altered; take another backup")
        if not name.endswith(SEALED):
            copy_file(source / name, directory / name)
    house = House.enter(directory, key, settings)
    try:
        if not hmac.compare_digest(str(facts.get("seal")), seal(facts, house.keys)):
            raise Damaged(f"the manifest of {source} was altered; take another backup")
        for name in (name for name in said.sums if name.endswith(SEALED)):
            open_file(source / name, directory / name.removesuffix(SEALED), house.keys)
        for share, provider in house.stores().items():
            if isinstance(provider, Restorable):
                provider.prepare()
                _put_back(share, provider, source, directory)
        _check_log(house)
        done = _begin_anew(house, said, by)
        house.database.checkpoint()
    finally:
        house.close()
    os.sync()
    (directory / UNFINISHED).unlink()
    sync_directory(directory)
    sync_directory(directory.parent)
    return done


def _put_back(share: str, provider: Restorable, source: Path, directory: Path) -> None:
    """The files of one drive, each read back whole."""
    missing = sum(1 for _ in copied(provider.files(), source, directory))
    if missing:
        raise Damaged(f"{missing} stored documents of {share} are missing in {source}; take another backup")
    findings = list(provider.check()) if isinstance(provider, Upkeep) else []
    if findings:
        told = ", ".join(f"{finding.node_id}: {finding.problem}" for finding in findings[:3])
        raise Damaged(f"{len(findings)} findings in {share} ({told}); take another backup")


def _check_log(house: House) -> None:
    _, broken = house.audit.verify()
    if broken is not None:
        raise Damaged(f"audit log, line {broken.seq}: {broken.problem}; take another backup")


def _begin_anew(house: House, said: Backup, by: str) -> Restored:
    with house.database.transaction() as connection:
        at, before = house.clock(), house.restores
        for provider in house.stores().values():
            if isinstance(provider, Restorable):
                provider.leap()
        house.database.skip_numbers(LEAP, but=UNCOUNTED)
        _end_visits(connection)
        links, app_passwords = store.lull_links(connection, at), lull_app_passwords(connection, at)
        connection.execute(delete(setting).where(setting.c.name == RESTORES))
        connection.execute(insert(setting).values(name=RESTORES, value=json.dumps([*before, at]).encode()))
        told = f"backup of {said.at}; {links} links and {app_passwords} app passwords sleep"
        house.audit.note(connection, by, "restore", detail=told)
    return Restored(said, at, links, app_passwords)


def _end_visits(connection: Connection) -> None:
    """What is short-lived and may have been used up or ended since: its owner can get it anew at any time."""
    for table in (session, opening, device_login, handover):
        connection.execute(delete(table))
    connection.execute(delete(invitation).where(invitation.c.used.is_(None)))
