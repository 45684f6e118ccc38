"""gpt-oss by ossa, measured in a process of its own: prints figures as JSON.

python -P -m ossa.model.mxfp4 FOLDER KEPT SETTINGS, as `own_side.figures` takes them, these as JSON
"""

import json
import sys
from pathlib import Path

from ossa.model.ahead import read_ahead
from ossa.model.importing import without_collecting


def main() -> None:
    """Begin as the model's process does: the disk is asked first, then libraries are imported."""
    folder, kept, settings = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is none
    read_ahead(folder)
    with without_collecting():
        from ossa.model.mxfp4.own_side import figures

    print(json.dumps(figures(folder, kept, settings)), file=answers)


if __name__ == "__main__":
    main()
