"""What keeps a card from being written."""

from appliance.errors import JanbanError


class FlashError(JanbanError):
    """The card, the image, or a wish cannot be accepted; the message says why and what to do."""
