"""How well the stages of a conversion agree, and the gates that a model has to pass."""
