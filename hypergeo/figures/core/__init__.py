"""What all figures share: colours, panels, layout, image files and offline HTML."""
