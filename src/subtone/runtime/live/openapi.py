"""How the HTTP API describes itself: OpenAPI 3.1 at ``/schema``."""

from __future__ import annotations

from typing import Any, Final, get_type_hints

import msgspec
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, OpenAPIType, Reference, Schema, SecurityScheme
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

import subtone
from subtone.runtime.live.auth import QUERY_NAME

_SCHEMES: Final[dict[str, SecurityScheme | Reference]] = {
    "token": SecurityScheme(type="http", scheme="bearer", description="a token of this server"),
    "query_token": SecurityScheme(
        type="apiKey",
        security_scheme_in="query",
        name=QUERY_NAME,
        description="the same, for an EventSource, which cannot send a header",
    ),
    "twilio": SecurityScheme(
        type="apiKey",
        security_scheme_in="header",
        name="X-Twilio-Signature",
        description="Twilio's signature over URL and body",
    ),
}
OPENAPI: Final = OpenAPIConfig(
    title="subtone",
    version=subtone.__version__,
    description="Calls and chats in; states, reasons and advice out.",
    path="/schema",
    render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
    components=Components(security_schemes=_SCHEMES),
    security=[{"token": []}],
)


class StructSchemas(OpenAPISchemaPlugin):
    """Structs as msgspec, which decodes them, describes them.

    Litestar's own description leaves out closed objects and bounds of 0.
    """

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Structs, not unions of them."""
        return not field_definition.is_union and field_definition.is_subclass_of(msgspec.Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """The struct as a component; what it refers to becomes one too."""
        kind = field_definition.annotation
        schema: Schema = schema_creator.schema_registry.get_schema_for_field_definition(
            field_definition
        )
        described = msgspec.json.schema_components(
            [kind], ref_template="#/components/schemas/{name}"
        )[1][kind.__name__]
        schema.title = kind.__name__
        schema.type = OpenAPIType.OBJECT
        schema.description = described.get("description")
        schema.properties = described["properties"]
        schema.required = described["required"]
        schema.additional_properties = described.get("additionalProperties")
        for hint in get_type_hints(kind, include_extras=True).values():
            schema_creator.for_field_definition(FieldDefinition.from_annotation(hint))
        return schema
