"""Logging in with a browser at an OpenID provider, as workers see it: cookies, redirects, and who may send what.

Workers keep nothing of a login: what belongs to it is in a cookie of the browser that began it. Sessions are kept by
the control process (:mod:`portcullis.control.oidc`), which alone talks to the provider; workers ask it about a cookie,
and are told when sessions end.
"""
