"""Run a command until it ends or standard input closes, which happens however the starting process dies.

Usage: python keep.py LOG FOLDER-TO-REMOVE-AT-THE-END COMMAND …   (an empty folder name removes nothing)
The first line of standard output is the command's process id.
"""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

GRACE = 15.0


def _end_with_stdin(process: "subprocess.Popen[bytes]", *, gently: bool) -> None:
    sys.stdin.buffer.read()
    if gently:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
    else:
        process.kill()


def main(log: str, folder: str, *command: str) -> int:
    """Return the command's exit code; its output is appended to `log`."""
    with Path(log).open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        sys.stdout.write(f"{process.pid}\n")
        sys.stdout.flush()
        arguments = {"gently": not folder}
        threading.Thread(target=_end_with_stdin, args=(process,), kwargs=arguments, daemon=True).start()
        code = process.wait()
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
