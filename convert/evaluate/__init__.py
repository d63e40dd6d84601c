"""How good the networks and the estimators are, on trays with known truth."""
