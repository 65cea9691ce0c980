"""The columns of tables, each with how a row becomes its cell."""
