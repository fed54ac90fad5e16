"""What a storm shows in the end: who was killed how often, and what was counted."""

from proofs.chaos.senders import NO_ANSWER
from proofs.chaos.storm import Outcome, Plan


def table(outcome: Outcome, plan: Plan) -> str:
    """Return kills and counts as a Markdown table."""
    book = outcome.book
    kills = ", ".join(f"{name} {n}" for name, n in sorted(outcome.kills.items()))
    fallen = ", ".join(f"{name} {n}" for name, n in sorted(outcome.fallen.items()))
    answers = ", ".join(
        f"{'none' if status == NO_ANSWER else status} {n:,}"
        for status, n in sorted(book.statuses.items())
    )
    stored = ", ".join(f"{n:,} of {name}" for name, n in sorted(outcome.stored.items()))
    statuses = ", ".join(f"{n:,} {status}" for status, n in sorted(outcome.outcomes.items()))
    applied = f"{outcome.changes:,} changes of {outcome.orders} orders"
    rows = [
        (f"killed in {plan.seconds / 60:g} minutes", f"{outcome.kills.total()}: {kills}"),
        ("fell by itself and was started again", fallen or "nobody"),
        ("deliveries begun", f"{book.deliveries:,}, {plan.per_second:g} a second"),
        ("tries by answer", answers),
        ("given up by the sender after its last try", f"{len(book.given_up):,}"),
        ("refused for good (3xx, 4xx)", f"{book.refused.total():,}"),
        ("acknowledged", f"{book.acknowledged.total():,} of {len(book.acknowledged):,} facts"),
        ("stored", f"{outcome.stored.total():,} rows ({stored})"),
        ("counted as repeats", f"{outcome.repeats:,}"),
        ("stored although an answer was lost", f"{outcome.unheard:,}"),
        ("settled, each once", statuses),
        ("applied, each once", f"{outcome.events:,} scans in core; {applied}"),
        ("until nothing waited any more", f"{outcome.drain_seconds:.0f} s"),
        ("**lost or doubled**", f"**{len(outcome.faults)}**"),
    ]  # fmt: skip
    lines = ["| what | counted |", "|---|---|", *(f"| {what} | {n} |" for what, n in rows)]
    return "\n".join(lines)
