"""A second terminal beside ``schemabase up``: commands as a user types them."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from proofs.steps import StepFailed, Steps
from schemabase_dagster.settings import ROOT

COMMAND_SECONDS: Final = 120
SCHEMABASE: Final = Path(sys.executable).with_name("schemabase")


class Shell:
    """Runs commands after reading the env file, as ``schemabase up`` tells to.

    Args:
        steps: gets to see what a refused command says.
        env_file: the file that ``schemabase up`` names.
    """

    def __init__(self, steps: Steps, env_file: Path) -> None:
        self._steps = steps
        self._env_file = env_file

    def run(self, words: str, *, stdin: str = "", secrets: Mapping[str, str] | None = None) -> str:
        """Run ``schemabase`` with words and return what it printed.

        Args:
            words: as one types them.
            stdin: what is piped in.
            secrets: additional environment.

        Raises:
            StepFailed: it failed; holds its error.
        """
        done = self._run(words, stdin, secrets or {})
        if done.returncode:
            raise StepFailed(f"schemabase {words}: {done.stderr.strip()}")
        return done.stdout

    def refused(self, words: str, status: int, *told: str) -> None:
        """Run a command that cannot work, and judge what it says.

        Args:
            words: as one types them.
            status: exit status it must have.
            told: what its one line must hold: what is wrong and what to do.

        Raises:
            StepFailed: another status, more than a line, or something is missing in it.
        """
        done = self._run(words, "", {})
        self._steps.note(f"$ schemabase {words}")
        self._steps.note(f"  {done.stderr.strip()}")
        if done.returncode != status:
            raise StepFailed(f"exit status {done.returncode} instead of {status}")
        if done.stdout or done.stderr.count("\n") != 1:
            raise StepFailed("that is not one line on stderr")
        for text in told:
            if text not in done.stderr:
                raise StepFailed(f"the line does not say '{text}'")

    def variable(self, name: str) -> str:
        """Return a variable of the env file."""
        script = f'. "$0" && printf %s "${name}"'
        return subprocess.run(
            ["/bin/sh", "-c", script, str(self._env_file)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def _run(
        self, words: str, stdin: str, secrets: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return subprocess.run(
            [
                "/bin/sh",
                "-c",
                '. "$0" && exec "$@"',
                self._env_file,
                SCHEMABASE,
                *shlex.split(words),
            ],
            cwd=ROOT,
            env=own | dict(secrets),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
