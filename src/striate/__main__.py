"""`python -m striate`, where the command is not on the path."""

import sys

from striate.cli import main

sys.exit(main())
