"""``python -m sandbox``: the stand-ins as a process of their own, until SIGTERM or Ctrl-C."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import orjson

from sandbox.journal import keep_journal, read_journal, replay, start_journal
from sandbox.merchants import DEFAULT_MERCHANTS
from sandbox.runner import PortTakenError, Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; return the exit status."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    sandbox, state_file = _make(options), options.state_file
    try:
        sandbox.start()
    except PortTakenError as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 1
    if state_file:
        if not state_file.exists():
            start_journal(state_file, sandbox, _settings(options))
        keep_journal(state_file, sandbox.control)
    announce(sandbox, options.info)
    stop.wait()
    sandbox.stop()
    return 0


def _make(options: argparse.Namespace) -> Sandbox:
    settings = _settings(options)
    kept = read_journal(options.state_file) if options.state_file else None
    if kept and kept.settings != settings:
        sys.stderr.write("sandbox: the state file is of other settings, starting anew\n")
        options.state_file.unlink()
        kept = None
    speed = {"clock_scale": options.clock_scale, "latency": options.latency}
    shape = {**settings, "merchants": tuple(settings["merchants"])}
    if kept is None:
        return Sandbox(**shape, **speed, base_port=options.base_port)
    sandbox = Sandbox(**shape, **speed, now=kept.now, ports=kept.ports, keys=kept.keys)
    replay(sandbox.control, kept)
    return sandbox


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """The options that decide what the data is."""
    return {
        "seed": options.seed,
        "size": options.size,
        "merchants": options.merchants.split(","),
        "sizes": options.sizes,
        "inline_lines": options.inline_lines,
    }


def announce(sandbox: Sandbox, path: Path | None) -> None:
    """Print the addresses; write them with the credentials to ``path``, for the owner only."""
    lines = [f"sandbox control   {sandbox.info['control_url']}"]
    for name, merchant in sandbox.info["merchants"].items():
        lines.append(f"sandbox {name:9s} Zoho    {merchant['zoho']['inventory_url']}")
        lines.append(f"sandbox {name:9s} Saleor  {merchant['saleor']['api_url']}")
        lines.append(f"sandbox {name:9s} Reviews {merchant['reviewsio']['api_url']}")
        lines.append(f"sandbox {name:9s} Xentral {merchant['xentral']['url']}")
        lines.append(f"sandbox {name:9s} Strapi  {merchant['strapi']['url']}")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    if path is None:
        return
    # Written aside and renamed: who waits for the file never reads half of it.
    aside = path.with_name(f"{path.name}.part")
    descriptor = os.open(aside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(sandbox.info, option=orjson.OPT_INDENT_2))
    aside.replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="decides all data")
    parser.add_argument("--size", type=int, default=200, help="Zoho orders per merchant")
    parser.add_argument("--merchants", default=",".join(DEFAULT_MERCHANTS), metavar="A,B")
    parser.add_argument("--sizes", type=_sizes, default={}, metavar="A=N,B=N", help="other sizes")
    parser.add_argument("--base-port", type=int, default=0, help="first port; 0 = any free ones")
    parser.add_argument("--info", "--ports-file", type=Path, help="file for addresses and keys")
    parser.add_argument("--state-file", type=Path, help="keeps data, keys and ports over restarts")
    parser.add_argument("--inline-lines", action="store_true", help="order lines in Zoho lists")
    parser.add_argument("--clock-scale", type=float, default=1.0, help="speed of limit windows")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds every answer takes")
    return parser


def _sizes(text: str) -> dict[str, int]:
    pairs = (pair.partition("=") for pair in text.split(","))
    return {name: int(size) for name, _, size in pairs}


if __name__ == "__main__":
    sys.exit(main())
