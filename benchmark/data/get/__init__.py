"""``data get``: a public dataset fetched where its licence and a stable address allow it, only when asked."""
