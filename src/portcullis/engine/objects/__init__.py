"""Whose is it: rules about objects, and who sees or sets which of their fields.

A *rule* is a sentence about one object: ``response.customer_id == identity.subject``. It is read once
(:mod:`~portcullis.engine.objects.parsing`), checked against what the OpenAPI document declares
(:mod:`~portcullis.engine.objects.checking`), and compiled to one function
(:mod:`~portcullis.engine.objects.deciding`) that answers for one object. Everything else is made of that function: a
list is filtered by it (:mod:`~portcullis.engine.objects.selecting`), so a filtered list and a single check can't
disagree.

The language is small since each of its sentences must mean the same for one object and for a list of them. What the
sentence itself does not know, it asks (:mod:`~portcullis.engine.objects.functions`). Conditions of other kinds are for
``authorize``.
"""
