"""Conditions in CEL, the Common Expression Language (cel-spec): checked when the file is loaded, quick when asked.

Google's own library parses a rule and checks its types, once. The syntax tree that it gives back is turned into Python
closures here, so that a worker neither has the library in its way nor pays its 20 us for each evaluation. What the
closures say is what the library says: a property test holds one against the other.

The way of a rule, each in a file of its own::

    rules           a rule and its clauses: what a policy asks for
      checking      the library: text -> checked syntax tree, or what is wrong with it and where
        serialised  the library's answer, which is a protobuf message -> syntax
        wording     the library's errors in words for people
      compiling     syntax -> closures (compiled), with logic, loops, containers, calls
        calls       functions by name: comparing, arithmetic, conversions, texts, times, networks
      costs         what a rule may take at most, found out beforehand and counted while it runs
    declarations    the names that a rule may speak of, and how each is read from a situation

Values are Python's own where they mean the same: ``bool``, ``int``, ``float``, ``str``, ``bytes``, ``None``, lists and
dictionaries; ``values`` has the rest. An error is an exception (``errors``), and absorbs everything but the other side
of ``&&`` and ``||``.
"""
