"""What holds for every test and every example in the sources: nobody's own measurements decide or are added to."""

import os

os.environ["STRIATE_WISDOM"] = "off"
