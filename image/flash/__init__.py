"""An image goes to a card: the right card, asked for, written as a whole, and read back."""
