"""Recipes that mend things on a company's machines: what may run, who must agree, and what came of it.

Imports the engine only. The AWS client is imported inside `runbooks.executors.aws_ssm`, when it is used.
"""
