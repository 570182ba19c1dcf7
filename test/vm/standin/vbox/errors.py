"""The one exception that a caller of VBoxManage sees."""


class VBoxError(Exception):
    """Told the way VBoxManage does it; Vagrant looks for some of the codes."""

    def __init__(self, message: str, code: str = "VBOX_E_INVALID_ARGUMENT"):
        super().__init__(message)
        self.code = code


class Unsupported(VBoxError):
    """Something that real VirtualBox may do and the stand-in does not: never ignored, always refused."""

    def __init__(self, what: str):
        super().__init__(f"the stand-in does not know {what}", "VBOX_E_NOT_SUPPORTED")
