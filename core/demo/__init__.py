"""`refit demo`: Refit's main job on generated posts or anybody's CSV file, the real way."""
