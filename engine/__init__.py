"""The engine decides; it imports nothing of ours and touches no network, file or clock.

Everything here takes `now` and returns values. Only `engine.operations` awaits, and only its ports.
"""
