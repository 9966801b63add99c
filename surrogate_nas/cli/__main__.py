"""``python -m surrogate_nas.cli`` is ``surrogate-nas``."""

from surrogate_nas.cli.app import main

if __name__ == "__main__":
    main()
