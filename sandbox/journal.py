"""Journal: a file that lets a restarted sandbox be the one that was stopped."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sandbox.control import Control
from sandbox.runner import Sandbox
from sandbox.saleor.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Kept:
    """What an earlier sandbox left: its settings, ports, keys and the changes made to it."""

    settings: dict[str, Any]
    now: int
    ports: list[int]
    keys: dict[str, KeyRing]
    changes: list[dict[str, Any]]


def read_journal(path: Path) -> Kept | None:
    """Read a state file; None when there is none yet."""
    if not path.exists():
        return None
    head, *changes = (orjson.loads(line) for line in path.read_bytes().splitlines())
    pems = dict(head["keys"])
    for entry in changes:
        if entry["do"] == "keys":
            pems |= entry["keys"]
    keys = {name: KeyRing(pem) for name, pem in pems.items()}
    return Kept(head["settings"], head["now"], head["ports"], keys, changes)


def start_journal(path: Path, sandbox: Sandbox, settings: dict[str, Any]) -> None:
    """Begin a new state file for a sandbox that has just started."""
    head = {
        "settings": settings,
        "now": sandbox.state.options.now,
        "ports": sandbox.ports,
        "keys": _pems(sandbox.control),
    }
    # It holds private keys: only the owner may read it.
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_line(head))


def keep_journal(path: Path, control: Control) -> None:
    """Append every further change to the state file."""

    def append(entry: dict[str, Any]) -> None:
        if entry["do"] == "keys":
            entry = {**entry, "keys": _pems(control)}
        with path.open("ab") as file:
            file.write(_line(entry))

    control.journal = append


def replay(control: Control, kept: Kept) -> None:
    """Make the changes of an earlier sandbox again, each at its own time."""
    for entry in kept.changes:
        control.replay(entry)


def _pems(control: Control) -> dict[str, str]:
    return {name: account.shop.keys.pem for name, account in control.state.accounts.items()}


def _line(entry: dict[str, Any]) -> bytes:
    return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
