"""Parts that every page has: header, viewport, urn editor, share link and downloads."""
