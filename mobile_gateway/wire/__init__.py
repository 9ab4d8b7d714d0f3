"""The octets of a mobile network: codecs that know no socket, no clock and nothing of the rest of the program."""
