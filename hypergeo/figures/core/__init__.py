"""Common parts of all figures: colours, panels, layout, image files and offline HTML."""
