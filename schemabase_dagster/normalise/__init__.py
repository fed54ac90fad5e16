"""Pure normalisation of what sources write in many ways; raises nothing, guesses nothing."""
