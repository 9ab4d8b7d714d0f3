"""A process that uses the database of one folder until its input ends; started by the tests, several at a time.

Prints the URL; ends with 3 and the sentence on its error output when the database is unavailable.
"""

from __future__ import annotations

import sys
from pathlib import Path

from app.embedded import DatabaseUnavailable, embedded_blocking


def main() -> int:
    try:
        with embedded_blocking(Path(sys.argv[1])) as url:
            sys.stdout.write(url + "\n")
            sys.stdout.flush()
            sys.stdin.read()
    except DatabaseUnavailable as fault:
        sys.stderr.write(str(fault))
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
