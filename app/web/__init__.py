"""The faces in a browser: templates, styles, and every word in Korean and English. Knows no world and no database."""
