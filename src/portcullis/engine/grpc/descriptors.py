"""The services of a gRPC API, read from a descriptor set: what ``protoc`` and ``buf`` write of ``.proto`` files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from google.protobuf.descriptor_pool import DescriptorPool

SUFFIXES: Final = (".binpb", ".protoset", ".desc", ".pb")
"""How the names of files with descriptor sets end."""
MAX_BYTES: Final = 64 * 1024 * 1024
_HINT: Final = "make it so: protoc --include_imports --include_source_info --descriptor_set_out=shop.binpb shop.proto"


class Method(msgspec.Struct, frozen=True):
    """One method of a service.

    ``path``: ``/shop.Orders/Get``; ``request`` and ``answer``: the classes of its messages; ``streams_requests`` and
    ``streams_answers``: whether there may be many of them; ``comment``: what the ``.proto`` file says of it.
    """

    path: str
    service: str
    name: str
    request: Any
    answer: Any
    streams_requests: bool
    streams_answers: bool
    comment: str = ""

    @property
    def is_unary(self) -> bool:
        """Whether one message is answered by one."""
        return not self.streams_requests and not self.streams_answers


def is_descriptor_set(source: str) -> bool:
    """Whether the document of this name is a descriptor set."""
    return source.lower().endswith(SUFFIXES)


def read_methods(source: str, content: bytes) -> dict[str, Method]:
    """The methods of all services in ``content``, by their paths; the configuration calls it ``source``.

    Raises :class:`ConfigurationError`.
    """
    if len(content) > MAX_BYTES:
        raise _wrong(source, f"it has more than {MAX_BYTES} bytes")
    try:
        from google.protobuf import descriptor_pool, message_factory  # noqa: PLC0415 - an extra, that few need
        from google.protobuf.descriptor_pb2 import FileDescriptorSet  # noqa: PLC0415
        from google.protobuf.message import DecodeError  # noqa: PLC0415
    except ImportError:
        raise _wrong(source, "gRPC needs a library that is not installed", "pip install 'portcullis[grpc]'") from None
    try:
        files = FileDescriptorSet.FromString(content)
    except DecodeError:
        raise _wrong(source, "it is no descriptor set") from None
    pool = descriptor_pool.DescriptorPool()
    _add_files(source, files, pool)
    found: dict[str, Method] = {}
    comments = dict(_comments(files))
    try:
        for file in files.file:
            for service in pool.FindFileByName(file.name).services_by_name.values():
                for method in service.methods:
                    made = _method(method, message_factory.GetMessageClass, comments)
                    found[made.path] = made
    except (KeyError, TypeError) as error:
        raise _wrong(source, f"a type in it can't be resolved: {error}") from None
    if not found:
        raise _wrong(source, "no service is in it", "name the .proto file that has one")
    return found


def _add_files(source: str, files: FileDescriptorSet, pool: DescriptorPool) -> None:
    """Put the files into ``pool``, each after those that it imports, as they have to stand in the set."""
    if not files.file:
        raise _wrong(source, "it is an empty descriptor set")
    known = {file.name for file in files.file}
    for file in files.file:
        missing = next((name for name in file.dependency if name not in known), None)
        if missing is not None:
            raise _wrong(source, f"{file.name} imports {missing}, which is not in it")
        try:
            pool.Add(file)
        except TypeError as error:
            raise _wrong(source, f"{file.name} can't be used: {error}") from None


def _method(method: MethodDescriptor, class_of: Any, comments: dict[str, str]) -> Method:
    service = method.containing_service.full_name
    return Method(
        path=f"/{service}/{method.name}",
        service=service,
        name=method.name,
        request=class_of(method.input_type),
        answer=class_of(method.output_type),
        streams_requests=method.client_streaming,
        streams_answers=method.server_streaming,
        comment=comments.get(method.full_name, ""),
    )


def _comments(files: FileDescriptorSet) -> Iterator[tuple[str, str]]:
    """What is said of methods in the source, by their full names (descriptor.proto: 6 are services, 2 methods)."""
    for file in files.file:
        package = f"{file.package}." if file.package else ""
        for place in file.source_code_info.location:
            comment: Any = place.leading_comments
            # It is bytes where it is no UTF-8; and what a place says need not be there.
            if len(place.path) == 4 and place.path[0] == 6 and place.path[2] == 2 and isinstance(comment, str):
                of_service, of_method = place.path[1], place.path[3]
                if 0 <= of_service < len(file.service) and 0 <= of_method < len(file.service[of_service].method):
                    service = file.service[of_service]
                    yield f"{package}{service.name}.{service.method[of_method].name}", " ".join(comment.split())


def _wrong(source: str, message: str, hint: str = _HINT) -> ConfigurationError:
    return ConfigurationError([Diagnostic(source, 1, 1, "", message, hint)])
