"""Tables as people have them: text of any separator, decimal mark and encoding, read with a sentence for what was inferred."""
