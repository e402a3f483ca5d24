"""A small window to drag files from: at the place of the first two arguments, with the URIs of the others."""

import sys

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402

left, top, *uris = sys.argv[1:]
# No window manager places or covers it.
window = Gtk.Window(type=Gtk.WindowType.POPUP)
window.set_default_size(80, 80)
box = Gtk.EventBox()
window.add(box)
box.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
box.drag_source_add_uri_targets()
box.connect("drag-data-get", lambda _box, _context, data, _info, _time: data.set_uris(uris))
box.connect("drag-begin", lambda *_: print("begun", flush=True))
box.connect("drag-end", lambda *_: print("over", flush=True))
window.move(int(left), int(top))
window.show_all()
print("ready", flush=True)
Gtk.main()
