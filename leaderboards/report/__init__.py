"""The HTML report: a folder of pages that open from a file, made of the records of a store."""
