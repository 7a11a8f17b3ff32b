"""Run the command line: ``python -m hornet``."""

from hornet.cli import main

if __name__ == "__main__":  # spawned workers import this module again
    main()
