"""Rules of touchpoints: pure, standard library only."""
