"""The push proxy gateway: PAP 2.0 in, WAP push over SMS out, results back."""
