"""Start of the stand-alone bundle: the name it is called by in, the window or the command line out."""

import multiprocessing
import sys
from pathlib import Path

if __name__ == "__main__":
    multiprocessing.freeze_support()
    if sys.argv[1:2] == ["-c"] and len(sys.argv) == 3:  # `ahdetect doctor` tries imports in a process of their own
        exec(sys.argv[2])
    elif "gui" in Path(sys.argv[0]).stem:
        from ahdetect.gui.app import main

        sys.exit(main())
    else:
        from ahdetect.cli import main as command_line

        command_line()
