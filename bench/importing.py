"""What `import striate` costs beyond `import torch`, as whole processes.

Run: python -m bench.importing
"""

import sys

from bench.harness import compare, record


def main() -> None:
    """Time both."""
    candidates = {
        "import torch, striate": [sys.executable, "-c", "import torch, striate; print('done')"],
        "import torch": [sys.executable, "-c", "import torch; print('done')"],
    }
    what = "Starting Python and importing."
    record(compare("importing", candidates, what=what, verify=lambda answer: answer == "done\n", n=15, threads=1))


if __name__ == "__main__":
    main()
