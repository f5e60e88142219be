"""Media sockets of call platforms, told apart by what they say; no socket in here.

``open_codec`` gives a ``SocketCodec`` for Twilio Media Streams, Telnyx, Plivo, Exotel,
SignalWire, Talkdesk, Vonage and jambonz. A shell feeds it whole messages.
"""

from subtone.ingest.streams.counts import Refusal
from subtone.ingest.streams.dialects import PROVIDERS
from subtone.ingest.streams.encodings import DecoderFactory, Decoders, MediaDecoder
from subtone.ingest.streams.messages import MAX_MESSAGE_BYTES
from subtone.ingest.streams.opening import SUBPROTOCOLS, MediaSocket, open_codec

__all__ = [
    "MAX_MESSAGE_BYTES",
    "PROVIDERS",
    "SUBPROTOCOLS",
    "DecoderFactory",
    "Decoders",
    "MediaDecoder",
    "MediaSocket",
    "Refusal",
    "open_codec",
]
