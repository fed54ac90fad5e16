"""State: what outlives the reload of the code, in which the warm process replaces itself."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from typing import Self


@dataclass(slots=True)
class Child:
    """The process of a run.

    Attributes:
        run_id: its run.
        instance: reference of the Dagster instance, serialised.
        kill_at: when it is killed, by the monotonic clock; None = nobody asked it to end.
    """

    run_id: str
    instance: str
    kill_at: float | None = None


@dataclass(slots=True)
class State:
    """What one self leaves to the next.

    Attributes:
        listener: descriptor of the socket on which orders come; those that come meanwhile wait.
        lifeline: both ends of the pipe by which children notice that the process is gone.
        children: by process id.
        packages: names of what was loaded last, whose files are watched.
    """

    listener: int
    lifeline: tuple[int, int]
    children: dict[int, Child] = field(default_factory=dict)
    packages: list[str] = field(default_factory=list)

    def leave(self) -> int:
        """Write it to a file without a name and return its descriptor for the next self.

        A command line would show the address of the instance's database to everybody.
        """
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(asdict(self)).encode())
            file.seek(0)
            descriptor = os.dup(file.fileno())
        for each in (descriptor, self.listener, *self.lifeline):
            os.set_inheritable(each, True)
        return descriptor

    @classmethod
    def take(cls, descriptor: int) -> Self:
        """Read what ``leave`` wrote."""
        with os.fdopen(descriptor, "rb") as file:
            found = json.load(file)
        for each in (found["listener"], *found["lifeline"]):
            os.set_inheritable(each, False)
        reading, writing = found["lifeline"]
        children = {int(pid): Child(**child) for pid, child in found["children"].items()}
        return cls(found["listener"], (reading, writing), children, found["packages"])
