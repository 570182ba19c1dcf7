"""The desktop in the browser: what is asked of the virtual display, and what runs on it."""
