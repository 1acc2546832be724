"""Decisions of others: a *policy decision point* is asked whether a caller may do something with something.

Three protocols are spoken: the Authorization API of OpenID AuthZEN, the REST API of Open Policy Agent, and that of
OpenFGA. A worker makes the question (:mod:`~portcullis.engine.decision_points.questions`) and remembers answers
(:mod:`~portcullis.engine.decision_points.asking`); the control process, which makes all calls of the gateway to others,
asks. Nothing is granted without an answer.
"""
