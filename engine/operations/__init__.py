"""Use cases: one verb a function, `async def verb(tx, …, actor, now) → result`. They await only their ports."""
