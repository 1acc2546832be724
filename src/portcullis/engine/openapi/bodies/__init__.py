"""Request bodies: one module for each kind of them, and what selects the one that a Content-Type means.

``selecting``            which of the declared bodies a request's Content-Type is
``json_body``            ``application/json``, ``+json``
``form_body``            ``application/x-www-form-urlencoded``
``multipart_body``       ``multipart/form-data``: what its parts may be; ``multipart_wire``: how they are framed
``text_body``            ``text/*``
``binary_body``          everything that is only counted
``xml_body``             ``application/xml``, ``+xml``

A body that is read into a value is held back until it is whole; the others are looked at as they stream through.
"""
