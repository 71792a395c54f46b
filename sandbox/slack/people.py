"""users.* and auth.test: who is there, and who is calling."""

from __future__ import annotations

from typing import Any

from sandbox.slack.arguments import Args
from sandbox.slack.pages import page
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import State, offset_of
from sandbox.world import Person

Answer = dict[str, Any]


def auth_test(state: State, _args: Args) -> Answer:
    config, bot = state.config, state.bot
    return {
        "url": f"https://{state.domain}.slack.com/",
        "team": config.team_name,
        "user": bot.name.lower().replace(" ", "_"),
        "team_id": config.team_id,
        "user_id": bot.user_id,
        "bot_id": bot.bot_id,
        "is_enterprise_install": False,
    }


def api_test(_state: State, args: Args) -> Answer:
    values = {name: value for name, value in args.values.items() if name != "token"}
    if args.text("error"):
        raise SlackRefusal(args.text("error"), args=values)
    return {"args": values} if values else {}


def described(state: State, person: Person) -> dict[str, Any]:
    """Slack's user object of a person."""
    team = person.team_id or state.config.team_id
    first, _, last = person.real_name.partition(" ")
    return {
        "id": person.id,
        "team_id": team,
        "name": person.name,
        "deleted": False,
        "real_name": person.real_name,
        "tz": person.tz,
        "tz_label": person.tz,
        "tz_offset": offset_of(person.tz, state.clock()),
        "profile": {
            "real_name": person.real_name,
            "real_name_normalized": person.real_name,
            "display_name": person.name,
            "display_name_normalized": person.name,
            "first_name": first,
            "last_name": last,
            "email": person.email,
            "title": person.label,
            "team": team,
        },
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": person.is_restricted,
        "is_ultra_restricted": False,
        "is_stranger": team != state.config.team_id,
        "is_bot": False,
        "is_app_user": False,
        "updated": 0,
    }


def _bot(state: State) -> dict[str, Any]:
    bot = state.bot
    name = bot.name.lower().replace(" ", "_")
    return {
        "id": bot.user_id,
        "team_id": state.config.team_id,
        "name": name,
        "deleted": False,
        "real_name": bot.name,
        "tz": "UTC",
        "tz_offset": 0,
        "profile": {
            "real_name": bot.name,
            "display_name": "",
            "bot_id": bot.bot_id,
            "api_app_id": bot.app_id,
        },
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": True,
        "is_app_user": False,
        "updated": 0,
    }


def info(state: State, args: Args) -> Answer:
    user = args.required("user")
    if user == state.bot.user_id:
        return {"user": _bot(state)}
    if user not in state.people:
        raise SlackRefusal("user_not_found")
    return {"user": described(state, state.people[user])}


def listed(state: State, args: Args) -> Answer:
    everybody = [*(described(state, one) for one in state.people.values()), _bot(state)]
    answer = page("members", everybody, args, usual=1000, most=1000)
    answer.pop("has_more")
    return answer | {"cache_ts": int(state.clock())}


def by_email(state: State, args: Args) -> Answer:
    email = args.required("email").lower()
    for person in state.people.values():
        if person.email.lower() == email:
            return {"user": described(state, person)}
    raise SlackRefusal("users_not_found")
