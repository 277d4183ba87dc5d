"""How far a run is, from its files alone: any host that sees the results folder can tell, at any time."""
