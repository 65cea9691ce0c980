"""Tables over the records of a store: declared or as they come, rendered for people and for programs."""
