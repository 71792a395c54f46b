"""What happens to runs, one verb a function, all inside the caller's transaction and without any network.

A worker carries a run on by repeating three steps, the middle one outside of any transaction:

    step = await carry.next_step(tx, run_id, catalogue=catalogue, now=now)        COMMIT
    outcome = await carry_out.act(executor, step)                                 network
    await carry.settle(tx, run_id, outcome, now=now)                              COMMIT

`StartRun`, `PollRun` and `CancelRun` are all answered this way (`CancelRun` with `carry.next_cancel`).
After a crash the same job does the same again: a run found `starting` is looked up at the provider, never
sent a second time.
"""
