"""A text field of GTK over a whole window; every change is written to the file named in the first argument."""

import sys

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk  # noqa: E402

window = Gtk.Window(title="field")
window.set_default_size(700, 500)
view = Gtk.TextView()
window.add(view)
window.connect("destroy", Gtk.main_quit)


def changed(buffer):
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(buffer.get_text(*buffer.get_bounds(), True))


view.get_buffer().connect("changed", changed)
window.show_all()
view.grab_focus()
changed(view.get_buffer())
Gtk.main()
