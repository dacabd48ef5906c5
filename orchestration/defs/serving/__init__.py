"""Published versions to where analysts are."""
