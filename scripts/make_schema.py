"""Write the committed JSON Schema of all contracts; with --check only say whether it is fresh."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from subtone.contracts.registry import SCHEMA_VERSION, json_schema

TARGET = Path(__file__).parents[1] / "docs" / "schema" / f"contracts.v{SCHEMA_VERSION}.json"


def main() -> int:
    document = msgspec.json.format(msgspec.json.encode(json_schema()), indent=2) + b"\n"
    if "--check" not in sys.argv:
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        TARGET.write_bytes(document)
        print(f"wrote {TARGET.name}")
        return 0
    if TARGET.is_file() and TARGET.read_bytes() == document:
        return 0
    print(f"{TARGET.name} is stale: raise SCHEMA_VERSION if it was released, then run make docs")
    return 1


if __name__ == "__main__":
    sys.exit(main())
