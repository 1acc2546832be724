"""Relations: who is what to which object, as *tuples* in the words of Zanzibar, ``object#relation@subject``.

``order:17#owner@user:alice`` says that the user ``alice`` is ``owner`` of the order ``17``. A subject may be a set:
``order:17#viewer@group:staff#member`` says that whoever is ``member`` of the group ``staff`` is ``viewer``. The
configuration file says which types and relations there are and which imply others
(:mod:`~portcullis.engine.relations.model`); the tuples are kept by a store, and whether somebody is related to an
object is found by following them (:mod:`~portcullis.engine.relations.checking`).
"""
