"""GraphQL APIs: a schema as the document, and what may be asked of it.

``schema`` and ``document`` are used while the configuration is compiled; ``reading``, ``bounds``, ``measuring`` and
``judging`` decide about queries, ``answers`` about errors in answers.
"""
