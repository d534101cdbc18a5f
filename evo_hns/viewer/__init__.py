"""Looking at episodes: what is drawn into the scene, a live episode, and the browser that shows it."""
