"""What the pages share: state in the address, the urn's controls, presets, share links and downloads. Needs Streamlit."""
