"""What people see of a stack: steps with their time, and where to go."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from schemabase_dagster import terminal
from schemabase_dagster.stack.run import Running


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal, or the file that stands for one."""

    console: Console = field(default_factory=terminal.console)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show that a step runs, and how long it took."""
        begin = time.monotonic()
        with self.console.status(f"{title} …"):
            yield
        self.done(title, time.monotonic() - begin)

    def done(self, title: str, seconds: float) -> None:
        """Print a finished step."""
        self.console.print(f"[green]✓[/] {title} [dim]{seconds:.1f} s[/]")

    def addresses(self, stack: Running) -> None:
        """Print where everything is."""
        table = Table.grid(padding=(0, 2))
        for name, value in (
            ("Dagster UI", stack.ports.webserver_url),
            ("Webhook gateway", stack.ports.gateway_url),
            ("Stand-ins", str(stack.stand_ins["control_url"])),
            ("Logs", str(stack.home.logs)),
        ):
            table.add_row(f"[bold]{name}[/]", value)
        self.console.print(table)
