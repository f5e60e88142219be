"""What the body of a request says: an offer, metadata, both or neither."""

from __future__ import annotations

from dataclasses import dataclass

from subtone.ingest.siprec.metadata import RecordingMetadata, merge, parse_metadata
from subtone.ingest.siprec.multipart import Part, parts_of
from subtone.ingest.siprec.sdp import Media, parse_sdp
from subtone.ingest.siprec.sip import Request, SipError, address_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingBody:
    """The offer and every metadata document of a request, in order."""

    offer: tuple[Media, ...] | None
    metadata: tuple[RecordingMetadata, ...]
    has_metadata: bool  # even if none of it could be read
    metadata_fault: str  # why some of it could not be read, else ""

    def amended(self, known: RecordingMetadata | None) -> RecordingMetadata | None:
        """The metadata after this request."""
        for update in self.metadata:
            known = merge(known, update)
        return known


def recording_body(request: Request) -> RecordingBody:
    """Read the body of any request.

    Raises:
        SipError: it cannot be taken apart, is encoded, has two offers or a broken one, or (of
            an INVITE or UPDATE) is of no type that is understood. Broken metadata is only noted.

    """
    encoding = (request.headers.first("content-encoding") or "identity").lower()
    if encoding != "identity":
        raise SipError("Content-Encoding not supported", status=415)
    parts = parts_of(request.headers, request.body)
    offers = [part for part in parts if part.is_sdp]
    documents = [part for part in parts if part.is_metadata]
    if len(offers) > 1:
        raise SipError("Two session descriptions")
    if parts and not offers and not documents and request.method in ("INVITE", "UPDATE"):
        raise SipError("Unsupported Media Type", status=415)
    metadata, fault = _metadata(documents)
    return RecordingBody(
        offer=parse_sdp(offers[0].payload) if offers else None,
        metadata=metadata,
        has_metadata=bool(documents),
        metadata_fault=fault,
    )


def is_marked_as_recording(request: Request) -> bool:
    """Anything that says recording: the option tag or the feature tag, in every form seen."""
    tags = (*request.headers.tokens("require"), *request.headers.tokens("supported"))
    contacts = (address_of(value)[1] for value in request.headers.all("contact"))
    return "siprec" in tags or any({"+sip.src", "src"} & found.keys() for found in contacts)


def _metadata(documents: list[Part]) -> tuple[tuple[RecordingMetadata, ...], str]:
    found: list[RecordingMetadata] = []
    fault = ""
    for part in documents:
        try:
            found.append(parse_metadata(part.payload))
        except SipError as error:
            fault = error.cause
    return tuple(found), fault
