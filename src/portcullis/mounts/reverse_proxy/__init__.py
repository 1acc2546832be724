"""The reverse proxy mount: every call comes in here, and goes on to the service only as the engine decides.

``downstream`` (a client's connection) makes one ``stream`` for each request; the stream asks the engine, takes
a connection from the ``pool`` of the API's upstream, and carries the bytes both ways. HTTP/1.1 has one stream
at a time; a stream does not know that.
"""
