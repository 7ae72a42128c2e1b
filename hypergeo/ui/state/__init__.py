"""A page's state: typed controls, URL parameters, presets, tours and edits."""
