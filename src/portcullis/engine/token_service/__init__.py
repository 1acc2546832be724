"""The gateway's own token service, as workers see it: its settings, its endpoints' requests, its tokens and their keys.

Keys that sign access tokens stay in the control process, which issues and revokes
(:mod:`portcullis.control.token_service`). Workers read requests strictly, count them, and ask; they are told which keys
to trust and what was revoked. Identity tokens, which tell services who calls, workers sign themselves, with other keys.
"""
