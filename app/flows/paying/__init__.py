"""From a held booking to a paid one, whatever the networks answer."""
