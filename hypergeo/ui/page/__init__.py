"""Parts that every page has: header, urn editor, share link and downloads."""
