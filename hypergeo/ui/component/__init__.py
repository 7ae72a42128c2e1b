"""The live figure and its playback controls."""
