"""Looking at matches: pictures, films and the page of a run."""
