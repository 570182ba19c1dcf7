"""What every service of notebox's own that a browser reaches has in common: its settings and its token (service.py) and
who may come in (access.py). Used by home, openrefine and desktop; runs with the tornado of /opt/notebox/venv."""
