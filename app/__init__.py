"""The ticket sales server and the issuer server: any phone is the ticket."""
