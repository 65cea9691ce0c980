"""The loops of pretraining and of heads, and what they stand on."""
