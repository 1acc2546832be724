"""The relying party's side of OpenID Connect that browsers and workers don't see: the provider, and the sessions."""
