# From a fresh checkout: `make demo` to look at it, `make test` for every check.

.PHONY: setup demo test test-every-pair golden bench bench-ai bench-ai-storm bench-approvals bench-correlation bench-escalations bench-injection bench-intake-trouble bench-kills bench-people bench-sla fuzz lint lock clean

setup: ## .venv with everything in it; PYTHON=… chooses the interpreter
	@PYTHON="$(PYTHON)" tools/setup

demo: setup ## the whole product against a pretend world, on this machine alone
	@exec .venv/bin/aw demo $(ARGS)

test: setup ## every check: lint, types, tests on SQLite and PostgreSQL, browser tests
	@.venv/bin/python tools/bring-up
	@exec .venv/bin/python -m tests $(ARGS)

test-every-pair: setup ## the scenarios in each chat (Slack, Teams) on each database, not only the usual two pairs
	@.venv/bin/python tools/bring-up
	@AW_EVERY_PAIR=1 nice .venv/bin/python -m pytest tests/scenarios -n auto $(ARGS)

golden: setup ## keep the cards as they are now (tests/bot/golden): look at the difference before it is committed
	@AW_GOLDEN=keep .venv/bin/python -m pytest tests/bot/test_golden.py -q $(ARGS)

bench: setup ## the benchmarks of docs/benchmarks.md
	@exec .venv/bin/python -m benchmarks $(ARGS)

bench-correlation: setup ## how well alerts become incidents, on recorded and simulated streams
	@exec .venv/bin/python -m benchmarks.correlation $(ARGS)

bench-ai: setup ## how well who is set up (AW_AI; nobody: the offline analyst) classifies and chooses runbooks; cost, latency
	@exec .venv/bin/python -m benchmarks.ai $(ARGS)

bench-ai-storm: setup ## a storm with a model that answers, one that is killed in the middle, and none: counts and latency of cards
	@exec .venv/bin/python -m benchmarks.ai_storm $(ARGS)

fuzz: setup ## a million mutated bodies through the intake; `make fuzz ARGS="--seed 7 --bodies 50000 --jobs 2"`
	@exec nice .venv/bin/python -m tests.integrations.fuzz $(ARGS)

bench-approvals: setup ## 100,000 attempts to get around an approval, 10,000 raced approvals, through two processes
	@AW_BYPASS_ATTEMPTS=100000 AW_BYPASS_LANES=2 AW_APPROVAL_RACES=10000 nice .venv/bin/python -m pytest tests/runbooks/test_bypass.py -k postgresql -s -o faulthandler_timeout=0 $(ARGS)

bench-escalations: setup ## 10,000 escalations over two replicas that die, stand still and disagree about the time
	@AW_ESCALATIONS=10000 nice .venv/bin/python -m pytest tests/bot/test_escalation_campaign.py -s -o faulthandler_timeout=0 $(ARGS)

bench-people: setup ## a choice among 1,000 technicians; the board and the sweep over 100,000 open incidents
	@exec .venv/bin/python -m benchmarks.people $(ARGS)

bench-sla: setup ## 100,000 generated promises, and as many business hours, against a counter of minutes
	@AW_SLA_CASES=100000 nice .venv/bin/python -m pytest tests/engine/test_hours.py tests/engine/test_sla.py -k minute_counter -s -o faulthandler_timeout=0 $(ARGS)

bench-injection: setup ## 100,000 values made to break out of a parameter; the script sees exactly them or they are refused
	@AW_INJECTION_CASES=100000 nice .venv/bin/python -m pytest tests/runbooks/test_injection.py -s -o faulthandler_timeout=0 $(ARGS)

bench-kills: setup ## a worker killed, or standing still, 200 times at random steps of runs, on two replicas
	@AW_KILLS=100 nice .venv/bin/python -m pytest tests/runbooks/test_kills.py -s -o faulthandler_timeout=0 $(ARGS)

bench-intake-trouble: setup ## servers killed 500 times under load, PostgreSQL stopped at once 20 times, a disk that is full: 0 lost
	@AW_INTAKE_KILLS=500 AW_INTAKE_STOPS=20 nice .venv/bin/python -m pytest tests/bot/test_intake_campaign.py -o faulthandler_timeout=0 $(ARGS)

lint: setup ## only the checks that run nothing
	.venv/bin/python -m ruff check
	.venv/bin/python -m ruff format --check
	.venv/bin/python -m mypy

UV_LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

lock: setup ## resolve pyproject.toml again; `make lock ARGS=--upgrade` for newest versions
	.venv/bin/python -m pip install --quiet --require-hashes -r requirements/tools.txt
	$(UV_LOCK) $(ARGS) pyproject.toml -o requirements/runtime.txt
	$(UV_LOCK) $(ARGS) --extra dev --extra teams --extra ai pyproject.toml -c requirements/runtime.txt -o requirements/dev.txt
	$(UV_LOCK) $(ARGS) requirements/tools.in -o requirements/tools.txt

clean: ## everything that was made here, the environment included
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
