"""Attacks in texts: what is looked for, where in a request, and how it is told from what people write.

``requests``     a request, looked at: head, whole body, streamed body
``known``        what the document says of an operation's requests, so that only free text is looked at
``fields``, ``harmless``, ``collecting``   that, for one schema: from a value to the texts in it
``parts``, ``content``, ``streaming``      the texts of every kind of content, each with where it stands
``inspector``    one text: expressions, confirmers, other readings
``pattern``, ``patterns/``                 what is looked for, a table for each class of attack
``detectors/``   what looks closely: the languages of attacks
``readings``     what an encoded text may mean to a later reader
``database``     many expressions in one pass
"""
