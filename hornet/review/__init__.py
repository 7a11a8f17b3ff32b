"""People look at pictures and say what is on them: which first, where their answers go, and the page for it."""
