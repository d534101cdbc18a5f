"""Studies of learning: arms are trained over seeds, and measured alike against players that no fitness ever used."""
