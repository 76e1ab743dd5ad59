"""Start of the stand-alone bundle: the name it is called by in, the window or the command line out."""

import multiprocessing
import sys
from pathlib import Path

if __name__ == "__main__":
    multiprocessing.freeze_support()
    if "gui" in Path(sys.argv[0]).stem:
        from ahdetect.gui.app import main

        sys.exit(main())
    else:
        from ahdetect.cli import main as command_line

        command_line()
