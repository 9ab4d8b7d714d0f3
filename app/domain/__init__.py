"""Pure rules of ticketing: no await, no clock, no input or output, standard library only."""
