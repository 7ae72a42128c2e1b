"""Tables from users: text with any separator, decimal mark and encoding, read with sentences on what was inferred."""
