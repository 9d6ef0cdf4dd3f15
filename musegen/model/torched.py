"""Whether torch is there: it comes with the extra `train`, and composing on a CPU needs none."""

from importlib.util import find_spec

from musegen.errors import SettingError


def has_torch() -> bool:
    """Whether torch is installed; it is not loaded to find out."""
    return find_spec("torch") is not None


def need_torch(what: str) -> None:
    """SettingError that says which extra to install, where torch is not there for `what`."""
    if not has_torch():
        raise SettingError(
            f"{what} needs PyTorch, which is not installed: pip install 'musegen[train]'"
        )
