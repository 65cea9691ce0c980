"""The plan of a request: experiments with their ids, refused where they cannot be."""
