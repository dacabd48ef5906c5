"""Before the first run: a draft of the settings (``init``) and a look at the sources (``preview``)."""
