"""What a step says about its own work, besides what its process used."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter, process_time


@dataclass
class Part:
    """A part of a step, with its own seconds."""

    name: str
    seconds: float
    rows: int | None = None


@dataclass
class Answer:
    """Rows that a step handled, the seconds of its work proper (imports left out), and its parts."""

    rows: int | None = None
    work_seconds: float | None = None
    work_cpu_seconds: float | None = None
    parts: list[Part] = field(default_factory=list)

    @contextmanager
    def work(self) -> Iterator[None]:
        """Time the work proper."""
        wall, cpu = perf_counter(), process_time()
        yield
        self.work_seconds, self.work_cpu_seconds = perf_counter() - wall, process_time() - cpu

    @contextmanager
    def part(self, name: str) -> Iterator[Part]:
        """Time a part of the work; its rows may be set inside."""
        started = perf_counter()
        part = Part(name, 0.0)
        yield part
        part.seconds = perf_counter() - started
        self.parts.append(part)

    def write(self, file: Path) -> None:
        """Leave the answer for the process that measures."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> "Answer":
        """Read the answer of a step; a step that left none has nothing to say."""
        if not file.exists():
            return cls()
        document = json.loads(file.read_text(encoding="utf-8"))
        return cls(**{**document, "parts": [Part(**part) for part in document["parts"]]})
