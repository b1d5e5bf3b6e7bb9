# SPDX-License-Identifier: GPL-2.0
# For sphinx-build; `make lint` runs it, with warnings as errors.
project = "iomd"
author = "the authors of iomd"
extensions = []
html_theme = "classic"
html_show_copyright = False
