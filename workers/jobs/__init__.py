"""What a child does for each kind of job: a module a kind, named as in the table of kinds.

Each has `run(job)`, which gives the value to answer with, or None where the answer is a report.
"""
