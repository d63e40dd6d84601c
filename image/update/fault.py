"""What keeps an update from being packed."""

from appliance.errors import JanbanError


class BundleError(JanbanError):
    """The image, the keys or the tools are not what a bundle needs; the message says why and what to do."""
