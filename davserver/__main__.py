"""`python -m davserver`: the same as the command `davserver`."""

import sys

from davserver.cli import main

sys.exit(main())
