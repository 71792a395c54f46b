"""A pretend model for the demo: no intelligence, only what it was shown, sorted and said again in the form asked for.

It reads the form and the fenced data out of the request as a model would, quotes the data truly, and says nothing
that is not in it; what it answers is checked by the bot like anybody's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sandbox.ai.app import Turn

LINE = 150
KNOWN = {
    "disk": (
        "Something keeps writing and nothing clears it away.",
        "Look at what grew last: logs, or files of a job.",
    ),
    "memory": (
        "One process takes more than this machine has to give.",
        "Look at the largest process before a restart.",
    ),
    "cpu": ("Work comes in faster than it is done.", "Look at which process is busy, and since when."),
    "log": ("A log is written faster than it is rotated.", "Look at which message repeats, then rotate it."),
    "service": ("The program is not there to answer.", "Look at its last lines in the log, then start it."),
    "availability": (
        "What people use does not answer.",
        "Look whether the machine answers, then at its service.",
    ),
    "network": (
        "Something on the way there is slow or interrupted.",
        "Look at the nearest device that answers as it should.",
    ),
    "database": (
        "The database does not keep up with what is asked of it.",
        "Look at its connections and its longest queries.",
    ),
    "backup": (
        "There is a gap in what could be brought back.",
        "Look at whether the place of the backups can be reached.",
    ),
}
"""What a trouble of that category usually is, and where one looks first: all that this model has learnt."""
_WORD = re.compile(r"[a-z]{4,}")


def answer(body: Mapping[str, Any]) -> Turn:
    """For one request of the Messages API. With tools it looks twice before it answers."""
    tools = {one["name"]: one["input_schema"] for one in body.get("tools") or []}
    if "answer" not in tools:
        return Turn()
    looks = [name for name in ("before", "around", "incident") if name in tools]
    rounds = len(body["messages"]) // 2
    if rounds < len(looks[:2]) and (body.get("tool_choice") or {}).get("name") != "answer":
        use = {"type": "tool_use", "id": f"toolu_look{rounds}", "name": looks[rounds], "input": {}}
        return Turn(blocks=[use])
    return Turn(answer=_answer(tools["answer"], _rows(body["messages"]), json.dumps(body.get("system", ""))))


def _rows(messages: list[dict[str, Any]]) -> list[str]:
    """The lines between the marks, of the question and of what the tools showed."""
    found: list[str] = []
    for one in messages:
        content = one["content"]
        texts = [content] if isinstance(content, str) else [str(part.get("content", "")) for part in content]
        for text in texts:
            fence = re.search(r"^(data \w+)\n(.*?)\n\1$", text, re.DOTALL | re.MULTILINE)
            found += fence.group(2).split("\n") if fence else []
    return [row for row in found if len(row.strip()) > 3]


def _answer(schema: Mapping[str, Any], rows: list[str], system: str) -> dict[str, Any]:
    fields = schema["properties"]
    said = {row.partition(": ")[0].split(" ")[0]: row.partition(": ")[2] for row in reversed(rows)}
    problem = said.get("problem") or rows[0]
    alerts = [row for row in rows if row.startswith("alert ")]
    words = alerts[-1].partition(": ")[2].rpartition(" · ")[2] if alerts else problem
    before = next((row.partition(": ")[2] for row in rows if row.startswith("the same before")), "")
    done = [row.removeprefix("done: ") for row in rows if row.startswith("done: ")]
    machine = said.get("machine", "").split(" (")[0]
    category = re.search(r"category: (\w+)", said.get("severity", ""))
    what, where = KNOWN.get(category.group(1) if category else "", (f"{machine or rows[0]}: {words}", ""))
    elsewhere = [
        one.partition(", on ")[2].partition(": ")[0] for one in alerts if f", on {machine}:" not in one
    ]
    lines = [what]
    lines += [f"Done so far: {done[-1]}"] if done else []
    lines += [f"The last time this ended with: {before}"] if before else []
    lines += [f"It shows on {', '.join(dict.fromkeys(elsewhere))} too."] if elsewhere else []
    lines = [*lines[:2], where] if where else lines
    if not machine:
        lines = rows[:2]
    if "citations" in fields:
        found = [row for row in rows if "INC-" in row][-3:]
        lines = found or ["What I was shown does not say."]
    told: dict[str, Any] = {
        "confidence": 0.8 if alerts or "INC-" in str(rows) else 0.6,
        "evidence": [max((words, problem), key=len)[:100]],
        "lines": [line[:LINE] for line in lines[:3]],
        "citations": list(dict.fromkeys(re.findall(r"INC-\d+", "\n".join(lines))))[:3],
        "category": next((one for one in _choices(fields, "category") if one in problem.lower()), "other"),
        "severity": "medium",
        "runbook": _closest(_choices(fields, "runbook"), system, f"{problem} {words}"),
        "note": f"{problem}. {done[-1] if done else 'It ended; nobody wrote down why.'}"[:400],
        "title": problem[:100],
        "problem": words[:300],
        "fix": " ".join(done)[:500] or said.get("ended") or "What I was shown does not say.",
    }
    return {name: told[name] for name in fields}


def _choices(fields: Mapping[str, Any], name: str) -> list[str]:
    kind = fields.get(name, {})
    listed = kind.get("enum") or [one for some in kind.get("anyOf", ()) for one in some.get("enum", ())]
    return [one for one in listed if one]


def _closest(ids: list[str], system: str, text: str) -> str | None:
    """The runbook whose name and title share most words with the trouble."""
    wanted = set(_WORD.findall(text.lower()))
    titles = dict(re.findall(r"- ([a-z0-9-]+): (.*?)(?:\\n|\")", system))
    shared = {one: len(wanted & set(_WORD.findall(f"{one} {titles.get(one, '')}".lower()))) for one in ids}
    best = max(shared, key=lambda one: shared[one], default=None)
    return best if best is not None and shared[best] else None
