"""A clipboard manager as many have one: takes every new clip over, in fewer types, and encodes pictures anew.

Says one line for every change of the owner, its own among them.
"""

import sys

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, GLib, Gtk  # noqa: E402

clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
mine = False


def changed(_clipboard, _event):
    global mine
    print("mine" if mine else "other", flush=True)
    if mine:
        mine = False
        return
    # Some time later, as those that ask "is it still there?".
    GLib.timeout_add(100, take)


def take():
    global mine
    picture = clipboard.wait_for_image()
    text = clipboard.wait_for_text() if picture is None else None
    if picture is not None:
        mine = True
        clipboard.set_image(picture)
    elif text is not None:
        mine = True
        clipboard.set_text(text, -1)
    return False


clipboard.connect("owner-change", changed)
print("ready", flush=True)
sys.stdout.flush()
Gtk.main()
