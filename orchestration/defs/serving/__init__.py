"""Published versions to where analysts work."""
