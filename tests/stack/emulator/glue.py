"""Mends moto's Glue: `UpdateTable` with a `VersionId` that is no longer current is refused, as Glue refuses it."""

from moto.core.exceptions import JsonRESTError
from moto.glue.responses import GlueResponse


def install() -> None:
    """Puts the check before moto's own update."""
    plain = GlueResponse.update_table

    def update_table(self: GlueResponse) -> object:
        expected = self.parameters.get("VersionId")
        if expected is not None:
            name = self.parameters["TableInput"]["Name"]
            table = self.glue_backend.get_table(self.parameters["DatabaseName"], name)
            if table.as_dict()["VersionId"] != expected:
                raise JsonRESTError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
        return plain(self)

    GlueResponse.update_table = update_table
